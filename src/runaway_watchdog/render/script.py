"""A plan as a POSIX shell script: it stops at the first step that fails, and undoes what it did when asked to.
What was frozen only to be stopped is let go on then: it is not left so, where nobody looks.

What comes from the host (names, titles) is in comments without line breaks, or quoted by whoever wrote the command.
"""

from collections.abc import Iterator, Sequence
from shlex import quote
from textwrap import wrap

from runaway_watchdog.hostile import clean
from runaway_watchdog.masking import mask_text
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.model.plan import Step
from runaway_watchdog.render import check as checks

COLUMNS = 100
CHECK_S = 15
"""How long a check may take to come true: a stop waits up to ten seconds before it kills."""

HELPERS = f"""\
say() {{ printf '%s\\n' "$*" >&2; }}

if [ "$(id -u)" -ne 0 ]; then
    say "run it as root: sudo sh $0"
    exit 1
fi

# check COMMAND: whether it comes true within {CHECK_S} s
check() {{
    left={CHECK_S}
    until "$1" >/dev/null 2>&1; do
        left=$((left - 1))
        if [ "$left" -le 0 ]; then return 1; fi
        sleep 1
    done
}}

# all_are PATTERN: whether every line of the standard input is that, and there is one (or `nothing` is allowed)
all_are() {{
    seen="$(cat)"
    if [ -z "$seen" ]; then printf 'nothing\\n' | grep -qxE "$1"; return; fi
    ! printf '%s\\n' "$seen" | sed 's/^ *//; s/ *$//' | grep -qvxE "([A-Za-z]+=)?($1)"
}}

# says PATTERN NAME: whether a line of the standard input holds that word, NAME aside (a service may be called "down"),
# and aside what runit, s6 and daemontools add of other times: "run: web: 5s, normally down, want down"
says() {{
    seen="$(cat)"
    if [ -z "$seen" ]; then printf 'nothing\\n' | grep -qxE "$1"; return; fi
    printf '%s\\n' "$seen" | while IFS= read -r line; do
        case "$line" in
        *"$2"*) printf '%s|%s\\n' "${{line%%"$2"*}}" "${{line#*"$2"}}" ;;
        *) printf '%s\\n' "$line" ;;
        esac
    done | sed 's/\\(normally\\|want\\) [a-z]*//g' | grep -qwE "$1"
}}

# begins_with TEXT: whether the standard input does
begins_with() {{
    case "$(cat)" in
    "$1"*) ;;
    *) return 1 ;;
    esac
}}

# failed NUMBER WHY: stop here, leave nothing standing still, and say how to go back
failed() {{
    trap '' HUP INT TERM
    say "step $1 $2; nothing after it was done"
    let_go "$1"
    say "to go back: sh $0 undo $1"
    exit 1
}}
"""

MAIN = """\
# let_go NUMBER: undo what was made to stand still, up to that step, until a later step would stop it
let_go() {{
    for each in {standing}; do
        if [ "$each" -gt "$1" ]; then continue; fi
        say "undo step $each, so that nothing is left standing still"
        "undo_$each" || say "undo of step $each failed"
    done
}}

steps={count}
ordinary={ordinary}

# carry_out FROM TO: these steps, each with its check
carry_out() {{
    number="$1"
    trap 'failed "$number" "was broken off"' HUP INT TERM
    while [ "$number" -le "$2" ]; do
        say "step $number of $2"
        "step_$number" || failed "$number" "failed"
        check "check_$number" || failed "$number" "did not work: its check failed"
        number=$((number + 1))
    done
}}

case "${{1-do}}" in
do)
    carry_out 1 "$ordinary"
    say "done; to go back: sh $0 undo"
    ;;
last-resort)
    if [ "$ordinary" -eq "$steps" ]; then say "this plan has no last resort"; exit 2; fi
    carry_out "$((ordinary + 1))" "$steps"
    say "done; to go back: sh $0 undo $steps"
    ;;
undo)
    number="${{2-$ordinary}}"
    case "$number" in
    '' | *[!0-9]*) say "undo from which step? a number from 1 to $steps"; exit 2 ;;
    esac
    if [ "$number" -gt "$steps" ]; then say "there are only $steps steps"; exit 2; fi
    broken=0
    while [ "$number" -ge 1 ]; do
        say "undo step $number"
        "undo_$number" || {{ say "undo of step $number failed"; broken=1; }}
        number=$((number - 1))
    done
    exit "$broken"
    ;;
*)
    say "usage: sh $0 [last-resort | undo [FROM_STEP]]"
    exit 2
    ;;
esac
"""


_LAST_RESORT = "sh FILE last-resort   carries out the steps that are marked so, which stop more than what burns"


class NotWritableError(ValueError):
    """A plan without steps, or with a command that may not be written down."""


def script(case: CaseFile, written: str) -> str:
    """The script; `written` is the time of writing, for its head. Raises NotWritableError."""
    steps = case.plan.steps
    if not steps:
        raise NotWritableError(f"this plan has no steps: {clean(case.plan.goal)}")
    for step in steps:
        for line in (step.command, step.undo or "", checks.sentence(step.check)):
            if mask_text(line) != line:
                raise NotWritableError("a command of this plan holds what looks like a secret: carry it out by hand")
    parts = [_head(case, written), HELPERS]
    parts += ["\n".join(_functions(number, step)) for number, step in enumerate(steps, 1)]
    ordinary = sum(not step.last_resort for step in steps)
    standing = " ".join(map(str, reversed(_standing(steps))))
    return "\n".join([*parts, MAIN.format(count=len(steps), ordinary=ordinary, standing=standing)])


def _standing(steps: Sequence[Step]) -> list[int]:
    """The numbers of the steps by which something stands still, only to be stopped by a later one."""
    holds = [number for number, step in enumerate(steps, 1) if step.phase == "hold"]
    paused = (number for number, step in enumerate(steps, 1) if step.phase == "relieve" and step.risk == "interrupts")
    return [number for number in paused if holds and number < holds[-1]]


def _head(case: CaseFile, written: str) -> str:
    owner = case.owners[0]
    about = f"Plan for {clean(owner.name)} ({owner.kind}, PID {case.process.pid}) on {clean(case.host)}"
    told = (
        f"{about}, written {written} by runaway-watchdog.",
        clean(case.plan.goal),
        "",
        "sh FILE        carries out the steps; stops at the first one that fails or whose check fails, and lets",
        "               go on what it had frozen",
        "sh FILE undo   goes back, last step first; `undo N` from step N",
        *((_LAST_RESORT,) if any(step.last_resort for step in case.plan.steps) else ()),
    )
    return "\n".join(["#!/bin/sh", *_comment(*told), "set -u", ""])


def _comment(*paragraphs: str) -> Iterator[str]:
    for paragraph in paragraphs:
        yield from (f"# {line}".rstrip() for line in wrap(paragraph, COLUMNS) or [""])


def _functions(number: int, step: Step) -> Sequence[str]:
    """`step_N`, `check_N` and `undo_N`. A subshell each: an `exit` in a command ends only that."""
    undo = step.undo or f"say {quote('nothing to undo: ' + clean(step.effect))}"
    last = ", last resort" if step.last_resort else ""
    return (
        *_comment(f"{number}. {clean(step.title)}: {clean(step.effect)} (risk: {step.risk}{last})"),
        f"step_{number}() (\n{step.command}\n)",
        f"check_{number}() (\n{checks.shell(step.check)}\n)",
        f"undo_{number}() (\n{undo}\n)",
        "",
    )
