"""Processes that enter and leave groups: the account is theirs, and goes with them."""

from pathlib import Path

from unit.watch_host import FakeHost

from runaway_watchdog.model.events import Finding
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.sampling import Rule
from runaway_watchdog.watch.detect import DetectState, detect

RULE = Rule("sustained-cpu", 90.0, 300.0, "warning")
GROUPS = [f"/system.slice/job{letter}.service" for letter in "ghijklmnopqrstuvwxyz"]


class Hopper:
    """One process that burns a core, and twenty groups that hold it in turn."""

    def __init__(self, root: Path) -> None:
        self.host = FakeHost(root)
        self.used = dict.fromkeys(GROUPS, 0.0)
        self.host.group("/system.slice", 0.0)
        for number, group in enumerate(GROUPS):
            self.host.group(group, 0.0)
            self.host.process(100 + number, start_s=1.0, group=group)
        self.key = self.host.process(10, start_s=500.0, group=GROUPS[0])
        self.at = GROUPS[0]
        self.state = DetectState()
        self.found: list[Finding] = []
        self.read: set[int] = set()
        self.host.look(2.0, 2.0)

    def moves(self, group: str) -> None:
        procs = self.host.cgroups / self.at.lstrip("/") / "cgroup.procs"
        procs.write_text(procs.read_text().replace("10\n", "", 1) if procs.read_text().startswith("10\n") else
                         procs.read_text().replace("\n10\n", "\n"))  # fmt: skip
        with (self.host.cgroups / group.lstrip("/") / "cgroup.procs").open("a") as file:
            file.write("10\n")
        (self.host.root / "proc" / "10" / "cgroup").write_text(f"0::{group}\n")
        self.at = group

    def burns(self, shares: dict[str, float]) -> None:
        """Two seconds of a core, as the counters of these groups tell it."""
        for group, share in shares.items():
            self.used[group] += 2.0 * share
            self.host.group(group, self.used[group])
        self.host.group("/system.slice", sum(self.used.values()))
        self.host.used_ns[10] += 2_000_000_000
        sample = self.host.look(2.0, 2.0, self.state.processes(), self.state.groups())
        self.read |= set(self.host.reads)
        self.state, found = detect(self.state, sample, (RULE,))
        self.found += found

    def sustained(self) -> list[tuple[ProcKey | None, str]]:
        return [(each.key, each.group) for each in self.found if each.stage == "sustained"]


def test_one_that_is_hot_in_no_group_is_found(tmp_path: Path) -> None:
    """It is in each of twenty groups for a twentieth of the time: none of them uses much."""
    hopper = Hopper(tmp_path)
    for number in range(250):
        hopper.moves(GROUPS[number * 7 % len(GROUPS)])
        hopper.burns(dict.fromkeys(GROUPS, 1 / len(GROUPS)))
    assert [key for key, _ in hopper.sustained()] == [hopper.key]


def test_one_that_moves_now_and_then_is_one_story_in_the_group_where_it_is(tmp_path: Path) -> None:
    """Every forty seconds another group burns, which no rule about groups would tell of."""
    hopper = Hopper(tmp_path)
    for number in range(250):
        group = GROUPS[number // 20 % len(GROUPS)]
        if group != hopper.at:
            hopper.moves(group)
        hopper.burns({group: 1.0})
    at = GROUPS[(300 + 2) // 40]
    assert [(key, GROUPS.index(group) - GROUPS.index(at) in (-1, 0)) for key, group in hopper.sustained()] == [
        (hopper.key, True)
    ]


def test_its_group_is_read_anew_where_the_old_one_does_not_explain_it(tmp_path: Path) -> None:
    """It is followed into a group that is not hot by itself."""
    hopper = Hopper(tmp_path)
    for _ in range(5):
        hopper.burns({GROUPS[0]: 1.0})
    assert set(hopper.state.processes().values()) == {GROUPS[0]}
    hopper.moves(GROUPS[5])
    hopper.burns(dict.fromkeys(GROUPS, 1 / len(GROUPS)))
    assert set(hopper.state.processes().values()) == {GROUPS[5]}


def test_where_hot_groups_explain_the_host_nobody_else_is_asked(tmp_path: Path) -> None:
    """Members of groups that do a little are left alone for as long as somebody burns in the usual way."""
    hopper = Hopper(tmp_path)
    hopper.read.clear()
    for _ in range(60):
        hopper.burns({GROUPS[0]: 1.0, **dict.fromkeys(GROUPS[1:], 0.0)})
    assert hopper.read <= {10, 100}
