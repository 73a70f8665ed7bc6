"""Keeping cron from starting a line again, reversibly, and then ending the job that runs."""

from collections.abc import Mapping
from shlex import quote
from typing import Any

from runaway_watchdog.model.plan import BeginsWith, Containment, Prints, Step
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.steps import edited, single
from runaway_watchdog.world import World, crontabs
from runaway_watchdog.world.crontabs import Line

MARK = "# held: "


def raw(line: Line, script: str, world: World) -> Mapping[str, Any]:
    """The table as it is now, and the line as the command that changes it counts; the mode of run-parts' script."""
    try:
        text = world.files.read(line.path)
    except OSError:
        return {}
    text = crontabs.printed(text) if line.of_user else text
    return {"text": text, "line": line.number, "of_user": line.of_user, "script": script}


def contain(owner: Owner, facts: Facts) -> Containment | None:
    """The line before the job, which would be started again else. None in a container: that is held."""
    if owner.facts.get("in_container"):
        return None
    relief, end = single.relieve(facts.process), single.end(facts.process)
    if not owner.facts:
        return Containment("Hold it still until cron's tables can be read", relief)
    if not owner.raw:
        gone = "no table of cron has its line any more"
        unknown = "the line of cron's tables that started it was not found, so it may be started again"
        by_text = owner.facts["known_by"] == "text"
        doors = () if by_text else ("a line of cron's tables that was not found may start it again",)
        return Containment(f"End what runs: {gone if by_text else unknown}", (*relief, end), doors)
    if owner.raw["script"]:
        goal = f"Keep cron from running {owner.raw['script']} until it is executable again, then end what runs"
        doors = ("whoever writes this file anew (a package, a deploy) makes it executable again",)
        return Containment(goal, (*relief, _off(owner), end), doors)
    goal = f"Keep cron from starting {owner.name} for good (its line becomes a comment), then end what runs"
    return Containment(goal, (*relief, comment_out(owner, "cron"), end))


def comment_out(owner: Owner, daemon: str) -> Step:
    """One line of a table, and no other one."""
    number, text = owner.raw["line"], owner.raw["text"]
    sed = f"{number}s/^/{MARK}/"
    folder = owner.facts.get("folder")
    all_of_it = f"; nothing in {folder} is run then" if folder else ""
    effect = f"line {number} becomes a comment, and no other line changes; what runs now goes on{all_of_it}"
    title = f"Keep {daemon} from starting it again"
    if owner.raw["of_user"]:
        user = str(owner.facts["user"])
        check = BeginsWith(f"crontab -u {quote(user)} -l | sed -n {number}p", MARK.strip())
        return edited.crontab(title, user, text, sed, effect=effect, check=check)
    path = str(owner.facts["table"])
    check = BeginsWith(f"sed -n {number}p {quote(path)}", MARK.strip())
    return edited.file(title, path, text, sed, effect=effect, check=check)


def _off(owner: Owner) -> Step:
    """run-parts passes over what is not executable; the other scripts of its folder go on."""
    script = quote(owner.raw["script"])
    return Step(
        "Keep cron from starting it again",
        f"chmod a-x {script}",
        "run-parts passes over a file that is not executable; the others of its folder go on",
        "none",
        f"chmod a+x {script}",
        Prints(f"test -x {script} || echo off", ("off",)),
    )
