"""How a process itself meets an action, before any owner hears of it. Pure."""

from typing import Literal, NamedTuple

from runaway_watchdog.model.owner import Action, Certainty, Reason
from runaway_watchdog.model.process import Process

TERM = "SIGTERM"
How = Literal["clean", "failure", "sigterm", "sigkill", "own"]


class Ending(NamedTuple):
    """Whether the process ends, and with what its owner is told: exit 0, exit 1, a signal, or an exit code of the
    program's own choice (`own`: it handles SIGTERM)."""

    ends: bool
    how: How
    certainty: Certainty
    why: str

    @property
    def reason(self) -> Reason:
        """The same, as a part of a prognosis."""
        return Reason(self.why, "end")


def ending(process: Process, action: Action) -> Ending:
    """What `action` (a signal or an exit) does to the process itself."""
    if process.state == "zombie":
        return Ending(False, "own", "certain", "it is dead already; it goes when its parent asks for its exit code")
    if process.pid == 1 and action in ("sigterm", "sigkill"):
        return Ending(False, "own", "certain", "PID 1 is the host's init: the kernel keeps such signals from it")
    if action == "clean-exit":
        return Ending(True, "clean", "certain", "it exits with 0")
    if action == "failure-exit":
        return Ending(True, "failure", "certain", "it exits with 1")
    if action == "sigterm":
        return _sigterm(process)
    if process.state == "disk-sleep":
        why = "it waits inside the kernel (state D): even SIGKILL takes effect only when that wait is over"
        return Ending(True, "sigkill", "likely", why)
    if process.signal != TERM:
        return _sigterm(process)._replace(how="sigkill", certainty="certain")
    return Ending(True, "sigkill", "certain", "SIGKILL cannot be caught")


def _sigterm(process: Process) -> Ending:
    signal = process.signal
    if process.sigterm == "handled" and process.state not in ("stopped", "traced"):
        return Ending(True, "own", "likely", f"it handles {signal}: whether and how it exits is its own choice")
    if process.sigterm == "ignored":
        return Ending(False, "own", "certain", f"it ignores {signal}")
    if process.sigterm == "unknown":
        return Ending(True, "own", "unknown", f"how it takes {signal} could not be read")
    if process.is_namespace_init and process.sigterm == "default":
        why = f"it is PID 1 of its container and has no handler: {signal} does nothing"
        return Ending(False, "own", "certain", why)
    if process.state == "traced":
        return Ending(False, "own", "certain", f"a debugger holds it (ptrace): {signal} waits until that lets it go on")
    if process.state == "stopped":
        return Ending(False, "own", "certain", f"it is stopped: {signal} waits until it continues")
    return Ending(True, "sigterm", "certain", f"{signal} ends it")
