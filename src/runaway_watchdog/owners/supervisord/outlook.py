"""What becomes of a program of supervisord: autorestart for an end, autostart for a new supervisord."""

from runaway_watchdog.model.owner import Action, Certainty, Deferred, Outlook, Reason
from runaway_watchdog.model.process import Facts
from runaway_watchdog.owners.common import exit_propagation
from runaway_watchdog.owners.common.ending import Ending, How
from runaway_watchdog.owners.supervisord.details import Program

LOOKS_EVERY_S = 1.0
STOPPING = "STOPPING"


def outlook(program: Program, name: str, facts: Facts, action: Action) -> Outlook | Deferred:
    if action == "reboot":
        return Deferred(action, _along(program, facts), _autostart(name, program))
    if action == "owner-daemon-restart":
        return _started_anew(name, program, facts)
    if action == "owner-stop":
        return _stopped(name, program, facts)
    end = exit_propagation.end_of(program, facts, action, "supervisord")
    return end if isinstance(end, Outlook) else _restarted(program, action, end)


def _restarted(program: Program, action: Action, end: Ending) -> Outlook:
    """What autorestart makes of the end of the program's own process."""
    policy = f"autorestart={program.autorestart}"
    if not program.autorestart:
        return Outlook.not_known(action, (end.reason, "its autorestart could not be read"))
    if program.state == STOPPING:
        return Outlook.stays_away(action, "likely", (end.reason, "supervisord is stopping it already"))
    possible: tuple[How, ...] = ("clean", "failure") if end.how == "own" else (end.how,)
    answers = {_answers(program, how) for how in possible}
    if len(answers) > 1 or None in answers:
        return Outlook.not_known(action, (end.reason, f"{policy} depends on the code it exits with"), by="supervisord")
    certainty = _certainty(program, end)
    if answers == {False}:
        return Outlook.stays_away(action, certainty, (end.reason, f"{policy} leaves it ended"))
    tries = program.start_retries
    limit = () if tries is None else (f"it gives up after {tries} starts that fail at once",)
    why = (end.reason, f"{policy} starts it again", *limit)
    return Outlook.comes_back(action, "supervisord", certainty, why, after_s=LOOKS_EVERY_S)


def _answers(program: Program, how: How) -> bool | None:
    """Whether it is started again after such an end; None: not known."""
    if program.autorestart != "unexpected":
        return program.autorestart == "true"
    if how in ("sigterm", "sigkill"):
        return True  # exit status -1, which no list of codes holds
    return None if program.exit_codes is None else (0 if how == "clean" else 1) not in program.exit_codes


def _certainty(program: Program, end: Ending) -> Certainty:
    """A file that was edited after the start may not be what supervisord goes by; nor what could not be confirmed."""
    if end.how == "own" or program.changed_since or not program.asked:
        return "likely" if end.certainty == "certain" else end.certainty
    return end.certainty


def _stopped(name: str, program: Program, facts: Facts) -> Outlook:
    line, main = f"`supervisorctl stop {name}`", program.main_pid
    reached = program.as_group or exit_propagation.reaches(facts, program)
    if reached is False:
        why = f"{line} signals {main} alone (stopasgroup=false), and this one goes on without it"
        return Outlook.goes_on("owner-stop", "likely", why)
    if reached is None:
        why = f"{line} signals {main} alone (stopasgroup=false): what that does with this one is its own"
        return Outlook.not_known("owner-stop", why)
    why = f"{line} ends it, with SIGKILL in the end, and autorestart does not act on a stop"
    return Outlook.stays_away("owner-stop", "certain", why)


def _autostart(name: str, program: Program) -> str:
    word = {True: "true", False: "false", None: "not known"}[program.autostart]
    return f"autostart={word} of {name}"


def _along(program: Program, facts: Facts) -> bool | None:
    """Whether a new supervisord brings this process back."""
    return exit_propagation.comes_along(facts, program, program.autostart)


def _started_anew(name: str, program: Program, facts: Facts) -> Outlook:
    """A restart of supervisord stops its programs, as `supervisorctl stop` does, and starts those with autostart."""
    action: Action = "owner-daemon-restart"
    stop, along, autostart = _stopped(name, program, facts), _along(program, facts), _autostart(name, program)
    if not stop.ends:
        return stop._replace(action=action, reasons=(*stop.reasons, Reason(f"{autostart} starts a second one")))
    why = ("supervisord ends its programs when it is restarted", f"{autostart} decides over its start")
    return Outlook.ended(action, "unknown" if along is None else "likely", why, returns=along, by="supervisord")
