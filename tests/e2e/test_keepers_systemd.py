"""systemd: every restart policy against every end; and one of each of the other kinds, for `make test`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from e2e.keepers import Action, Expected, OnTerm, carry_out, check, check_together, found, plan_of, undo
from e2e.rig import foretold
from e2e.rig.box import Box
from e2e.systemd_units import UPHELD, command, lingering, of_bob, pasted_and_undone, running, service, units

POLICIES = ("no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always")


ENDS: tuple[Action, ...] = ("sigterm", "sigkill", "clean-exit", "failure-exit")


class Case(NamedTuple):
    """A service's settings, how its program ends, and what is done to it."""

    settings: str
    action: Action
    on_term: OnTerm = "default"
    failure: int = 1  # what it exits with when it fails

    @property
    def policy(self) -> str:
        handled = "" if self.on_term == "default" else f", SIGTERM: {self.on_term}"
        return f"{self.settings or 'Restart=no'}{handled}{f', exit {self.failure}' if self.failure != 1 else ''}"


def together(box: Box, cases: Sequence[Case], watch_s: float = 2.5) -> None:
    """Each case in a unit of its own, all ended at the same moment."""
    names = [f"unit{number}" for number in range(len(cases))]
    texts = {
        f"{name}.service": service(
            name, case.settings, start=command(name, case.on_term, failure=case.failure), unit="StartLimitIntervalSec=0"
        )
        for name, case in zip(names, cases, strict=True)
    }
    with units(box, texts, list(texts)):
        expected = [
            Expected(running(box, name), case.action, "systemd-service", case.policy)
            for name, case in zip(names, cases, strict=True)
        ]
        check_together(box, expected, watch_s)


MATRIX = [Case(f"Restart={policy}", action) for policy in POLICIES for action in ENDS]


MATRIX += [Case(f"Restart={policy}", "failure-exit", failure=143) for policy in POLICIES]


HANDLED = [
    Case(f"Restart={policy}", "sigterm", on_term)
    for policy in ("no", "on-abnormal", "on-watchdog", "on-abort", "always")
    for on_term in ("exit-0", "exit-1", "ignore")
]


@pytest.mark.truth
def test_every_policy_and_every_end(host: Box) -> None:
    """Restart= against SIGTERM, SIGKILL and three exit codes: seven policies, all at once."""
    together(host, MATRIX)


@pytest.mark.truth
def test_every_policy_and_a_handled_sigterm(host: Box) -> None:
    """Where the policy does not ask how it ended, the return is foretold all the same."""
    together(host, HANDLED)


@pytest.mark.truth
@pytest.mark.parametrize("policy", POLICIES)
def test_a_stop_is_answered_by_no_policy(host: Box, policy: str) -> None:
    """`systemctl stop`, and systemd's own restart, which touches nothing."""
    with units(host, {"stopped.service": service("stopped", f"Restart={policy}")}, ["stopped"]):
        for action in ("owner-daemon-restart", "owner-stop"):
            check(host, running(host, "stopped"), action, kind="systemd-service", policy=f"Restart={policy}")


OVERRIDES = [
    Case("Restart=always RestartPreventExitStatus=SIGKILL", "sigkill"),
    Case("Restart=always RestartPreventExitStatus=SIGKILL", "sigterm"),
    Case("Restart=always RestartPreventExitStatus=SIGTERM", "sigterm"),
    Case("Restart=always RestartPreventExitStatus=1", "failure-exit"),
    Case("Restart=no RestartForceExitStatus=SIGKILL", "sigkill"),
    Case("Restart=on-failure RestartForceExitStatus=SIGTERM", "sigterm"),
    Case("Restart=no RestartForceExitStatus=0", "clean-exit"),
    Case("Restart=on-failure SuccessExitStatus=SIGKILL", "sigkill"),
    Case("Restart=on-success SuccessExitStatus=SIGKILL", "sigkill"),
    Case("Restart=on-abort SuccessExitStatus=SIGKILL", "sigkill"),
    Case("Restart=on-failure SuccessExitStatus=1", "failure-exit"),
    Case("Restart=on-success SuccessExitStatus=1", "failure-exit"),
    Case("Restart=always RestartPreventExitStatus=SIGKILL RestartForceExitStatus=SIGKILL", "sigkill"),
    Case("Restart=no RestartForceExitStatus=SIGKILL SuccessExitStatus=SIGKILL", "sigkill"),
    Case("Restart=on-success SuccessExitStatus=SIGKILL RestartPreventExitStatus=SIGKILL", "sigkill"),
    Case("Restart=always RestartPreventExitStatus=1 SuccessExitStatus=1", "failure-exit"),
]


SETTINGS = [
    Case("Type=oneshot Restart=on-failure", "sigterm"),
    Case("Type=oneshot Restart=on-abort", "sigterm"),
    Case("Type=oneshot Restart=on-failure", "clean-exit"),
    Case("Type=oneshot", "sigkill"),
    Case("Restart=always RemainAfterExit=yes", "sigterm"),
    Case("Restart=always RemainAfterExit=yes", "clean-exit"),
    Case("Restart=always RemainAfterExit=yes", "sigkill"),
    Case("Restart=on-success RemainAfterExit=yes RestartForceExitStatus=0", "clean-exit"),
    Case("Restart=always RestartSec=infinity", "sigkill"),
    Case("Restart=always RestartSec=2", "sigkill"),
    Case("Restart=always RestartSec=500ms", "sigterm"),
    Case("Restart=on-failure KillMode=process", "sigkill"),
    Case("Restart=on-failure KillMode=mixed", "sigterm"),
]


@pytest.mark.truth
def test_the_overrides_alone_and_together(host: Box) -> None:
    """Prevent wins over force, force over the policy, and success only says what is clean."""
    together(host, OVERRIDES)


@pytest.mark.truth
def test_settings_that_change_what_an_end_is(host: Box) -> None:
    """Type=oneshot knows no clean signal, RemainAfterExit=yes keeps the unit, RestartSec=infinity never comes."""
    together(host, SETTINGS, watch_s=4.5)


@pytest.mark.truth
def test_the_same_on_cgroup_v1(host_v1: Box) -> None:
    """There a unit's group is in systemd's own hierarchy."""
    together(host_v1, [*MATRIX[::3], *OVERRIDES[::3], *SETTINGS[::2]], watch_s=4.5)


def test_kill_ends_what_kill_9_revives(host: Box) -> None:
    """A service with Restart=on-failure, the commonest of all: the two differ, and both are foretold."""
    together(host, [Case("Restart=on-failure", "sigterm"), Case("Restart=on-failure", "sigkill")])


@pytest.mark.truth
def test_an_end_that_the_program_chooses_is_not_guessed(host: Box) -> None:
    """SIGTERM to a program that handles it, under a policy that asks how it ended."""
    names = [f"Restart={policy}" for policy in ("on-failure", "on-success")]
    texts = {
        f"own{number}.service": service("", each, start=command(f"own{number}", "exit-0"))
        for number, each in enumerate(names)
    }
    with units(host, texts, list(texts)):
        for number in range(len(names)):
            outlook = foretold.fate_of(foretold.explained(host, found(host, f"own{number}")), "sigterm")
            assert (outlook["returns"], outlook["certainty"]) == (None, "unknown")


@pytest.mark.truth
def test_systemd_gives_up_after_too_many_starts(host: Box) -> None:
    """Each end but the last is foretold; where the limit may be reached, that is said, and then it is."""
    text = service("limited", "Restart=always", unit="StartLimitIntervalSec=60\nStartLimitBurst=3")
    with units(host, {"limited.service": text}, ["limited"]):
        for _ in range(2):
            check(
                host,
                running(host, "limited"),
                "sigkill",
                kind="systemd-service",
                policy="Restart=always, 3 starts a minute",
            )
        work = running(host, "limited")
        outlook = foretold.fate_of(foretold.explained(host, work.pid), "sigkill")
        assert (outlook["returns"], outlook["certainty"]) == (None, "unknown")
        assert "3 starts within 60 s" in outlook["why"]
        host.run(["kill", "-9", str(work.pid)])
        time.sleep(2)
        assert host.pids(" limited$") == []


def test_a_service_of_a_user_who_lingers(host: Box) -> None:
    """The user's own systemd is asked, not the system's; the plan speaks to it, and its undo gives all back."""
    text = service("hers", "Restart=always", install="default.target")
    with lingering(host, {"hers.service": text}, ["hers"]) as systemctl:
        host.run(f"{systemctl} enable hers")
        document, _ = check(host, of_bob(host, "hers"), "sigkill", kind="systemd-user-service", policy="Restart=always")
        assert [owner["name"].partition("@")[0] for owner in document["owners"]] == ["hers.service", "user"]
        steps = plan_of(host, found(host, "hers"))
        carry_out(host, steps)
        host.run(f"{systemctl} daemon-reexec; sleep 1")
        assert host.pids(" hers$") == []
        undo(host, steps)
        found(host, "hers")
        assert host.run(f"{systemctl} is-enabled hers").stdout.strip() == "enabled"


def test_who_may_not_ask_a_users_systemd_says_so(host: Box) -> None:
    """A gap with its mend, and no future; what the system's manager says of user@.service is not taken for it."""
    with lingering(host, {"his.service": service("his", "Restart=always")}, ["his"]):
        words = ["setpriv", "--reuid=nobody", "--clear-groups", "runaway-watchdog", "explain", str(found(host, "his"))]
        done = host.run([*words, "--json"], check=False)
        assert done.returncode == 4, done.stderr
        document = json.loads(done.stdout)
        assert document["owners"][0]["kind"] == "systemd-user-service"
        assert foretold.fate_of(document, "sigkill")["returns"] is None
        (gap,) = [gap for gap in document["gaps"] if gap["source"] == "systemd"]
        assert "only that user and root may ask it" in gap["problem"]
        assert gap["mend"].startswith("run it with sudo")


def test_a_plan_against_one_that_upholds_it(host: Box) -> None:
    """No stop would hold: the drop-in does, and goes with the undo."""
    pasted_and_undone(host, UPHELD)
