"""A service that is frozen: what its end, a stop and a start come to, by systemd's release. As seen on 252 and 257."""

from typing import Any

import pytest
from support.builders import make_facts, make_process, make_service

from runaway_watchdog.explain.condition import condition
from runaway_watchdog.model.owner import Action
from runaway_watchdog.owners.systemd import service as systemd
from runaway_watchdog.world.systemd import parse_version
from runaway_watchdog.world.units import frozen, parse

GROUP = "/system.slice/burn.service"


class Events:
    """The file by which the kernel says whether a group is frozen; None: the group is gone."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def read(self, path: str) -> str:
        if self.text is None or path != f"/sys/fs/cgroup{GROUP}/cgroup.events":
            raise FileNotFoundError(path)
        return self.text


@pytest.mark.parametrize(
    ("state", "events", "expected"),
    [
        ("running", "populated 1\nfrozen 0\n", ""),
        ("frozen", "populated 1\nfrozen 1\n", "frozen"),
        ("frozen", "populated 1\nfrozen 0\n", ""),  # 252, once it was started again
        ("frozen-by-parent", "populated 1\nfrozen 1\n", "frozen-by-parent"),
        ("freezing", "populated 1\nfrozen 0\n", ""),
        ("frozen", None, "frozen"),  # its processes are gone
        ("thawing", None, "frozen"),  # 257: ended while it was thawed, it stays so
        ("", "populated 1\nfrozen 1\n", ""),  # before 246
    ],
)
def test_the_kernel_says_whether_it_is_frozen(state: str, events: str | None, expected: str) -> None:
    """systemd's own word alone is not enough."""
    unit = parse({"FreezerState": state, "ControlGroup": GROUP})
    files: Any = Events(events)
    assert frozen(unit, files) == expected


@pytest.mark.parametrize(
    ("told", "release"),
    [
        ("257.13-1~deb13u1", 257),
        ("v252", 252),
        ("256~rc3", 256),
        ("", None),
        ("main", None),
        (257, None),
        ("9" * 9, None),
    ],
)
def test_the_release_is_the_number_at_the_front(told: object, release: int | None) -> None:
    """Distributions add their own."""
    assert parse_version(told) == release


def outlook(
    action: Action, *, refuses: bool | None, sigterm: str = "default", policy: str = "always", **more: Any
) -> Any:
    owner = make_service(policy, freezer="frozen", refuses_frozen=refuses, **more)
    return systemd.outlook(owner, make_facts(make_process(cgroup=GROUP, sigterm=sigterm)), action)


@pytest.mark.parametrize(("refuses", "ends"), [(True, False), (False, True)])
def test_a_stop_is_refused_since_256(refuses: bool, ends: bool) -> None:
    """Before, it thaws the unit."""
    found = outlook("owner-stop", refuses=refuses)
    assert (found.ends, found.returns, found.certainty) == (ends, False, "certain")
    assert ("thawed first" in found.why) == refuses


def test_where_the_release_is_not_known_nothing_is_promised() -> None:
    """Neither of a stop, nor of a return."""
    assert outlook("owner-stop", refuses=None).certainty == "unknown"
    assert outlook("sigkill", refuses=None).returns is None


@pytest.mark.parametrize(
    ("action", "sigterm"), [("sigkill", "handled"), ("sigkill", "default"), ("sigterm", "default")]
)
def test_a_kill_leaves_it_stuck_since_256(action: Action, sigterm: str) -> None:
    """The kernel ends a frozen process where no handler waits; then systemd cannot start the unit again."""
    stuck = outlook(action, refuses=True, sigterm=sigterm, policy="always")
    assert (stuck.ends, stuck.returns, "until a boot" in stuck.why) == (True, False, True)
    back = outlook(action, refuses=False, sigterm=sigterm, policy="always")
    assert (back.ends, back.returns, back.by) == (True, True, "systemd")


def test_a_handler_waits_until_it_is_thawed() -> None:
    """And what ignores the signal goes on ignoring it."""
    assert outlook("sigterm", refuses=False, sigterm="handled").ends is False
    assert outlook("sigterm", refuses=True, sigterm="ignored").ends is False


@pytest.mark.parametrize("refuses", [True, False])
def test_the_state_is_told(refuses: bool) -> None:
    """With what it keeps from happening; not of what only has the unit around itself."""
    owner = make_service("always", freezer="frozen", refuses_frozen=refuses)
    files: Any = Events(None)
    (told,) = condition(files, make_process(cgroup=GROUP), (owner,))
    assert ("burn.service is frozen" in told, "before any stop" in told) == (True, refuses)
    assert condition(files, make_process(cgroup="/system.slice/docker-1.scope"), (owner,)) == ()
    assert condition(files, make_process(cgroup=GROUP), (make_service("always"),)) == ()
