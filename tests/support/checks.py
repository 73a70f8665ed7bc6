"""The check of a step, read back from its sentence in a JSON document."""

import re

from runaway_watchdog.model.plan import BeginsWith, ByEye, Check, Fails, Prints, Says, Succeeds

_COMMAND = r"`(?P<command>(?s:.+))`"  # greedy: a quoted name may hold a back-tick
_ANSWERS = r"(?P<answers>[\w.=-]+(?:(?:,| or|, or) [\w.=-]+)*)"
_PRINTS = re.compile(f"{_COMMAND} prints {_ANSWERS}(?:, (?P<also>also .*))?")
_SAYS = re.compile(f"{_COMMAND} says {_ANSWERS}")
_BEGINS = re.compile(f"{_COMMAND} begins with (?P<start>.+)")
_SHOWS = re.compile(f"{_COMMAND} shows (?P<what>nothing|it|the copy)")


def check_of(sentence: str) -> Check:
    """What `render.check.sentence` made it of."""
    if found := _PRINTS.fullmatch(sentence):
        return Prints(found["command"], _words(found["answers"]), found["also"] or "")
    if found := _SAYS.fullmatch(sentence):
        return Says(found["command"], _words(found["answers"]))
    if found := _BEGINS.fullmatch(sentence):
        return BeginsWith(found["command"], found["start"])
    if found := _SHOWS.fullmatch(sentence):
        shown = found["what"]
        return Fails(found["command"]) if shown == "nothing" else Succeeds(found["command"], shown)
    return ByEye(sentence)


def _words(answers: str) -> tuple[str, ...]:
    return tuple(re.split(r",? or |, ", answers))
