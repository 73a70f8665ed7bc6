"""Really runs lines of the field, each on the host as it was built, and tells what was lost and what was foretold.

    cd tests && ../.venv/bin/python -m field.trial [--boxes N] [ID …]                          as root
    cd tests && ../.venv/bin/python -m field.trial [--boxes N] --generated N [--seed S] [ID …]

Without IDs: every line of preflight.json, or every line that the grammar makes. Boxes stand side by side, each with
control groups of its own. A line that changed nothing leaves the host to the next one as it is.
"""

from __future__ import annotations

import argparse
import json
import queue
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from e2e.rig import cgroups, product
from e2e.rig.box import Box

from . import generated, host, live
from .cases import EVERYDAY, Case, cases
from .compare import Contents, Lost, Told, changed, losses, told
from .judging import ENVIRONMENT, Judged
from .verdicts import ANONYMOUS

MOST_S = 100
AT_ONCE = 20
SETTLES_S = 0.7
MEMORY = 6 << 30
PROCESSES = 4000
_EMPTY_TMP = "find /tmp -mindepth 1 -maxdepth 1 ! -name 'systemd-private*' ! -name 'tmux*' -exec rm -rf {} +"
_RUN = 'cd "$1" 2>/dev/null || cd /; exec setsid timeout -k 2 "$2" bash -c "$3" > /var/tmp/trial.out 2>&1 < /dev/null'
REBOOTS = ("reboot",)
"""Lines that end the host: the box is restarted in their place, since its kernel is the machine's."""


class Trial(NamedTuple):
    """One line, judged and then run."""

    case: Case
    judged: Judged
    lost: list[Lost]
    exit_code: int
    said: str  # the end of what it printed

    @property
    def told(self) -> Told:
        return told(self.judged.lost, self.lost)

    @property
    def false_safe(self) -> bool:
        return bool(self.lost) and self.judged.verdict in ("safe", "interrupts")

    @property
    def let_through(self) -> bool:
        """Whether it lost data, and an assistant would have been allowed to run it unasked."""
        return bool(self.lost) and self.judged.permission == "allow"


def try_all(wheel: Path, chosen: Sequence[Case], *, boxes: int = 1, tell: bool = False) -> list[Trial]:
    """Each line on a fresh state, in so many boxes at once. Raises what broke in one of them."""
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in chosen:
        waiting.put(case)
    found: dict[str, Trial] = {}
    faults: list[BaseException] = []
    host.layers(wheel)  # built before the threads ask for it

    def work() -> None:
        try:
            while not waiting.empty():
                with host.field_host(wheel) as box:
                    live.give_code(box)
                    cap(box)
                    _work(box, waiting, found, tell=tell)
        except BaseException as fault:  # noqa: BLE001 - told below, in the thread that waits
            faults.append(fault)

    threads = [threading.Thread(target=work, name=f"field-{number}") for number in range(boxes)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:  # interrupted: each ends the line that it is at, and takes its box down
        while not waiting.empty():
            waiting.get_nowait()
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]
    return [found[case.id] for case in chosen]


def _work(box: Box, waiting: queue.SimpleQueue[Case], found: dict[str, Trial], *, tell: bool) -> None:
    """Until none waits, or a line has destroyed the host: those that were judged beside it wait again then."""
    state = State(set(), None)
    while chosen := _next(waiting):
        _bring_back(box, state)
        state = state._replace(changed=set())
        judged = _judged(box, chosen)
        anew = False
        for case in chosen:
            _bring_back(box, state)
            anew = anew or "docker" in state.changed
            said = _judged(box, [case])[case.id] if anew and _of_no_name(judged[case.id]) else judged[case.id]
            trial, state = _try(box, case, said, state.contents)
            found[case.id] = trial
            if tell:
                print(shown(trial), flush=True)
            if state.gone:
                for each in chosen:
                    if each.id not in found:
                        waiting.put(each)
                return


def _next(waiting: queue.SimpleQueue[Case]) -> list[Case]:
    """Some that are judged together, which takes a second, and then run one by one."""
    found: list[Case] = []
    with suppress(queue.Empty):
        while len(found) < AT_ONCE:
            found.append(waiting.get_nowait())
    return found


class State(NamedTuple):
    """How a line left the host: the parts that are not as they were, and the contents, where nothing changed."""

    changed: set[str]
    contents: Contents | None
    gone: bool = False  # the line destroyed the host itself


def _bring_back(box: Box, state: State) -> None:
    box.run(_EMPTY_TMP, check=False)
    if state.changed:
        host.reset(box, tuple(state.changed))


def _judged(box: Box, chosen: Sequence[Case]) -> dict[str, Judged]:
    """On the host as it was built."""
    said = json.loads(live.ask(box, "field.judging", *map(json.dumps, chosen)))
    return {each.id: each for each in (Judged(**one) for one in said)}


def _of_no_name(judged: Judged) -> bool:
    """Whether it tells of a volume without a name: a container of `--rm` that is made anew has another one."""
    return any(ANONYMOUS.search(each) for each in judged.lost)


def _try(box: Box, case: Case, judged: Judged, contents: Contents | None) -> tuple[Trial, State]:
    """The trial, and how it left the host."""
    for path, text in case.files:
        box.write(path, text, 0o755)
    before = contents if contents is not None and not case.files else _contents(box)
    code, said = _run(box, case)
    time.sleep(SETTLES_S)
    if _is_gone(box):
        nothing = {each: type(what)() for each, what in before.items()}
        return Trial(case, judged, losses(before, nothing), code, said), State(set(), None, gone=True)
    after = _contents(box)
    left = changed(before, after) | ({"files"} if case.files else set())
    if "units" in left or case.line in REBOOTS:
        left = set(host.PARTS)
    return Trial(case, judged, losses(before, after), code, said), State(left, None if left else after)


def _run(box: Box, case: Case) -> tuple[int, str]:
    if case.line in REBOOTS:
        box.reboot()
        cap(box)
        box.run("systemctl start postgresql mariadb redis-server", check=False)
        return 0, ""
    words = ["sh", "-c", _RUN, "trial", case.folder, str(MOST_S), case.line]
    done = box.run(words, check=False, timeout=MOST_S + 30, env=ENVIRONMENT)
    return done.returncode, box.run("tail -c 400 /var/tmp/trial.out", check=False).stdout


def _is_gone(box: Box) -> bool:
    """Whether the line destroyed the host: nothing can be started there any more."""
    return box.run(["python3", "-c", "pass"], check=False).returncode != 0


def _contents(box: Box) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(box.run(["python3", f"{host.SCRIPTS}/contents.py"], timeout=120).stdout)
    return found


def cap(box: Box) -> None:
    """A line may eat memory and processes without end; the box has no controllers of its own to stop it."""
    for hierarchy in cgroups.of_this_machine():
        group = hierarchy.mount / box.name
        if "memory" in hierarchy.controllers.split(","):
            (group / "memory.limit_in_bytes").write_text(str(MEMORY))
        if "pids" in hierarchy.controllers.split(","):
            (group / "pids.max").write_text(str(PROCESSES))


def shown(trial: Trial) -> str:
    """What was said, and what then happened; a loss that was called harmless stands out."""
    case, judged = trial.case, trial.judged
    mark = "!!" if trial.false_safe else "  " if trial.told.right else " ?"
    parts = [f"{mark} {case.id:10} {case.kind:8} {judged.verdict:13} exit {trial.exit_code:<3} {case.line!r}"]
    parts += [f"{'':15}lost, not foretold: {each}" for each in trial.told.missed]
    parts += [f"{'':15}foretold, not lost: {each}" for each in trial.told.spared]
    if case.files:
        parts.append(f"{'':15}in a script: {case.files[-1][1]!r}")
    if bool(trial.lost) != case.loses_data and not case.id.startswith(generated.PREFIX):
        parts.append(f"{'':15}marked as {'losing' if case.loses_data else 'keeping'}; it said: {trial.said[-200:]!r}")
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("ids", nargs="*")
    parser.add_argument("--boxes", type=int, default=1)
    parser.add_argument(
        "--generated", type=int, metavar="N", help="lines of the grammar in place of those of the files"
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    made = generated.lines(options.generated, options.seed) if options.generated else cases()
    chosen = [each for each in made if (each.id in options.ids if options.ids else each.kind != EVERYDAY)]
    wheel = product.build_wheel(live.REPOSITORY)
    trials = try_all(wheel, chosen, boxes=options.boxes, tell=True)
    shutil.rmtree(wheel.parent.parent)
    print(summary(trials))
    sys.exit(any(trial.false_safe for trial in trials))


def summary(trials: Sequence[Trial]) -> str:
    """The figures that count."""
    losing = [trial for trial in trials if trial.lost]
    wrong = [trial.case.id for trial in trials if trial.false_safe]
    right = sum(trial.told.right and trial.judged.verdict == "destroys-data" for trial in losing)
    asked = sum(trial.judged.verdict == "unknown" and trial.judged.permission != "allow" for trial in trials)
    through = [trial.case.id for trial in losing if trial.let_through and not trial.false_safe]
    alarms = sum(trial.judged.verdict == "destroys-data" and not trial.lost for trial in trials)
    return (
        f"{len(trials)} lines run, {len(losing)} lost data: {len(wrong)} of them called safe or interrupting {wrong}, "
        f"{len(through)} unknown and allowed all the same {through}, {right} foretold with every loss by name and "
        f"nothing else; {asked} unknown and asked about; {alarms} foretold to lose and lost nothing"
    )


if __name__ == "__main__":
    main()
