"""The guard of agents that run commands without a person: a document in, a permission out. Pure.

Two forms are known. A pre-command hook's: `{"tool_input": {"command": "LINE"}, …}`, answered as
`{"hookSpecificOutput": {"permissionDecision": "deny" | "ask", "permissionDecisionReason": …}}`. The plain one:
`{"command": "LINE", …}`, answered as `{"permission": "allow" | "deny" | "ask", "reason": …, "names": …, "safer": …}`.
"""

import json
from typing import Any, Final, Literal, NamedTuple

from runaway_watchdog.guard.decide import Ask, Decision, Hold, Loss
from runaway_watchdog.render import figures

Permission = Literal["allow", "ask", "deny"]
NAMED: Final = 5


class Request(NamedTuple):
    """One line that somebody wants to run."""

    line: str
    folder: str | None
    event: str | None  # the hook's event, to be told back; None: the plain form


class Answer(NamedTuple):
    permission: Permission
    reason: str
    names: tuple[str, ...] = ()
    safer: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """2 blocks the command, in the convention of pre-command hooks; 0 leaves it to the document."""
        return 2 if self.permission == "deny" else 0

    def document(self, event: str | None) -> dict[str, Any]:
        """In the form of the request. To a hook, "allow" would switch off the rules that its user has set: where
        nothing speaks against a line the answer to a hook has no decision in it, and those rules stay in force."""
        if event is None:
            return {
                "schema_version": 1,
                "permission": self.permission,
                "reason": self.reason,
                "names": list(self.names),
                "safer": list(self.safer),
            }
        told: dict[str, Any] = {"hookEventName": event}
        if self.permission != "allow":
            told |= {"permissionDecision": self.permission, "permissionDecisionReason": self.reason}
        return {"hookSpecificOutput": told}


def request(text: str) -> Request:
    """From what a hook hands over. Raises ValueError with what is wrong, for its author."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise ValueError(f"standard input holds no JSON document: {fault}") from fault
    if not isinstance(document, dict):
        raise ValueError("the JSON document is no object")  # noqa: TRY004 - one fault for its author: not the form
    hook = document.get("tool_input")
    line = hook.get("command") if isinstance(hook, dict) else document.get("command")
    if not isinstance(line, str):
        raise ValueError('no text at "tool_input": {"command": …} or at "command"')  # noqa: TRY004
    folder, event = document.get("cwd"), document.get("hook_event_name", "PreToolUse")
    return Request(
        line,
        folder if isinstance(folder, str) and folder else None,
        None if not isinstance(hook, dict) else event if isinstance(event, str) else "PreToolUse",
    )


def answer(decision: Decision, *, feared: bool) -> Answer:
    """`feared`: whether the test of the words found a program that can destroy data: a line of `make` and `npm`
    is not known to the preflight either, and to ask about each of those would only teach everybody to say yes."""
    if isinstance(decision, Hold):
        return _deny(decision)
    if isinstance(decision, Ask):
        return cannot_judge(decision.why)
    names = tuple(f"{loss.type} {loss.name}" for loss in decision.idle)
    if decision.cannot_judge is not None and feared:
        return cannot_judge(decision.cannot_judge)
    if names:
        unused = all(loss.type == "path" and loss.kept_in is None for loss in decision.idle)
        what = " what nothing on this host uses" if unused else ""
        return Answer("ask", f"it deletes for good{what}: {', '.join(map(_named, decision.idle[:NAMED]))}", names)
    if decision.cannot_judge is not None:
        return Answer("allow", f"no program in it is known to destroy data; not known: {decision.cannot_judge}")
    return Answer("allow", "the preflight found nothing that would be lost on this host")


def cannot_judge(why: str) -> Answer:
    """Neither blocked because something broke, nor let through because of it."""
    return Answer("ask", f"runaway-watchdog cannot judge this command: {why}. Ask the person before it runs.")


def without_asking(answer: Answer) -> Answer:
    """For an agent whose hooks cannot have it ask: what a person should decide does not run until one has. Files that
    nothing uses go with a word, as in a person's own shell."""
    if answer.permission != "ask":
        return answer
    return answer._replace(permission="allow" if answer.names else "deny")


def _named(loss: Loss) -> str:
    """A table is more than what goes of it."""
    told = loss.type == "crontab" or loss.kept_in is not None
    return f"{loss.type} {loss.name}{f' ({loss.why})' if told else ''}"


def _deny(hold: Hold) -> Answer:
    named = "; ".join(map(_told, hold.losses[:NAMED]))
    more = f"; and {len(hold.losses) - NAMED} more" if len(hold.losses) > NAMED else ""
    parts = [f"This command would destroy data on this host: {named}{more}."]
    if hold.helps is not None and not hold.helps.ends:
        parts.append(f"It would not even end PID {hold.helps.pid}: {hold.helps.why}.")
    if hold.safer:
        parts.append(f"Safer: {hold.safer[0].command} ({hold.safer[0].why}).")
    parts.append("Do not look for another way to the same end; ask the person.")
    return Answer(
        "deny",
        " ".join(parts),
        tuple(f"{loss.type} {loss.name}" for loss in hold.losses),
        tuple(each.command for each in hold.safer),
    )


def _told(loss: Loss) -> str:
    used = f", used by {', '.join(loss.used_by)}" if loss.used_by else ""
    return f"{loss.type} {loss.name} ({figures.size(loss.size_bytes, at_least=loss.size_is_at_least)}{used})"
