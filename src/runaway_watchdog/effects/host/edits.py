"""Programs that change a file where it lies: perl -pi, awk -i inplace, scripted editors, yq -i, mogrify.

Nothing of what the file was is kept, unless they are told to. An edit that puts something in the place of a part of a
line is one as of `sed -i s/a/b/`: told, and the file goes on being what it is.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from runaway_watchdog.effects import HostState, Outcome, harmless
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.effects.host import places
from runaway_watchdog.effects.host.targets import existing
from runaway_watchdog.effects.host.writers import edits_alone, overwritten
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect, LowRisk
from runaway_watchdog.world import World


def edited(files: Sequence[Word], command: Command, host: HostState, world: World, *, gentle: bool) -> Outcome:
    """These files are others from then on; with `gentle` they go on being what they are."""
    there = existing(files, command, places.tree(host, world), follow=True)
    names = [Word(each.real, each.written) for each in there.found]
    why = f"{command.program} edits it, and keeps nothing of what it was"
    outcome = overwritten(names, command, host, world, why)
    effects = outcome.effects
    if gentle:
        effects = tuple(each._replace(in_use=False, used_by=()) for each in effects)
    return Outcome(effects, outcome.host, (*there.unknown, *outcome.unknown))


def _kept(files: Sequence[Word], why: str, command: Command, host: HostState, world: World) -> Outcome:
    """They change, and what they were is kept, or can be had back from what they are."""
    there = existing(files, command, places.tree(host, world), follow=True)
    changes = tuple(Effect("change", "path", e.real, False, why) for e in there.found if e.entry.kind == "file")
    return Outcome(changes, host, there.unknown)


def _unsure(command: Command, host: HostState) -> Outcome:
    return Outcome((), host, (f"what `{shown(command)}` writes is not looked up",))


_PERL = re.compile(r"(?:[acnplstTuUwWX]|[0l][0-7]*|0x[0-9a-fA-F]+)*(?P<last>[eEiFIMmCDdVxv]?)(?P<rest>.*)", re.S)


def _perl(command: Command, host: HostState, world: World) -> Outcome:
    """-i[SUFFIX]: each file is written anew with what is printed."""
    keeps: str | None = None
    codes: list[str | None] = []
    pending = list(command.words[1:])
    while pending and (pending[0].text or "").startswith("-") and pending[0].text != "-":
        word = pending.pop(0)
        found = None if word.text == "--" else _PERL.fullmatch((word.text or "")[1:])
        if found is None:
            break
        last, rest = found["last"], found["rest"]
        following = pending.pop(0).text if last and last in "eEFIMm" and not rest and pending else rest
        if last == "i":
            keeps = rest
        elif last in ("e", "E"):
            codes.append(following)
    if keeps is None or (not codes and not pending):
        return harmless.effects(command, host, world)
    files = pending if codes else pending[1:]
    if keeps:
        return _kept(files, "its lines are edited, and the old file stays beside it", command, host, world)
    gentle = bool(codes) and all(edits_alone(re.sub(r"\btr(?=\W)", "y", code or "")) for code in codes)
    return edited(files, command, host, world, gentle=gentle)


def _awk(command: Command, host: HostState, world: World) -> Outcome:
    """gawk's -i inplace; with inplace::suffix the old file stays beside it."""
    words = of(command, "-F --field-separator -v --assign -f --file -i --include -e --source -l --load -E --exec")
    if words.value("-i", "--include") not in ("inplace", "inplace.awk"):
        return harmless.effects(command, host, world)
    program_given = words.has("-f", "--file", "-e", "--source")
    program = words.value("-e", "--source") if program_given else (words.texts or ("",))[0]
    if program is None or words.has("-f", "--file") or harmless.awk_writes(program):
        return _unsure(command, host)
    files = [word for word in words.operands[0 if program_given else 1 :] if not _ASSIGNS.match(word.text or "")]
    assigned = [value or "" for name, value in words.options if name in ("-v", "--assign")]
    if any("suffix=" in each.lower() for each in (*assigned, *words.texts[1:])):
        return _kept(files, "its lines are edited, and the old file stays beside it", command, host, world)
    return edited(files, command, host, world, gentle=False)


_ASSIGNS = re.compile(r"[A-Za-z_]\w*(?:::\w+)?=")
_LINES = r"(?:(?:\d++|[.$%]|'[a-z<>]|/(?:\\.|[^/\\])*+/|\?(?:\\.|[^?\\])*+\?)(?:[-+]\d*+)?[,;]?){0,2}\s*+"
_QUITS = re.compile(
    rf"{_LINES}:?\s*+(?:q|qa|qall|quit|Q|[pnl=]|print|nu|number|f|file|H|P|set?l?\b.*|sy(?:n|ntax)\b.*|filetype\b.*|colo\w*\b.*|"
    r"norm(?:al)? (?:gg|G|zz|zt)|\d*|[/?].*|v?s(?:p|plit)|tabnew|help\b.*|h\b.*|e(?:dit)?|noh\w*|let g:.*|v)!?"
)
_SAVES = re.compile(
    rf"{_LINES}:?\s*+(?:w|wq|x|wa|wqa|xa|xit|exit|wall|up|update|write|sav|saveas)(?P<all>!?)(?P<adds>\s*>>)?"
    r"(?:\s+(?P<name>.*))?"
)
_RUNS = re.compile(
    r"^[^a-zA-Z]*!|\b(?:system|call|exe(?:cute)?|py\w*|lua\w*|perl|ruby|source|so|term\w*|r(?:ead)?)\b|r\s*!|\s!"
)
_SUBSTITUTES = re.compile(rf"{_LINES}:?\s*+(?:s\W|&&|retab|%?s\W)")


def _scripted(texts: Sequence[str], files: Sequence[Word], command: Command, host: HostState, world: World) -> Outcome:
    """What an editor is told, one command a text: it writes what it holds to its files, or to others."""
    told = [each.strip() for each in texts if each.strip()]
    saves = [found for each in told if (found := _SAVES.fullmatch(each))]
    changes = [each for each in told if not _SAVES.fullmatch(each) and not _QUITS.fullmatch(each)]
    if any(_RUNS.search(each) for each in changes) or any((each["name"] or "").startswith("!") for each in saves):
        return _unsure(command, host)
    others = [Word(name, name) for each in saves if (name := each["name"]) and not each["adds"]]
    outcome = overwritten(others, command, host, world, f"{command.program} writes over it")
    if not changes or all(each["name"] for each in saves):
        inline = any("|" in each and re.search(r"\|\s*(?:w|x|up)", each) for each in changes)
        if not inline:
            odd = f"what `{shown(command)}` does beside is not looked up"
            return outcome._replace(unknown=(*outcome.unknown, *((LowRisk(odd),) if changes else ())))
    gentle = all(_SUBSTITUTES.match(each) for each in changes)
    more = edited(files, command, outcome.host, world, gentle=gentle)
    return Outcome((*outcome.effects, *more.effects), more.host, (*outcome.unknown, *more.unknown))


def _vim(command: Command, host: HostState, world: World) -> Outcome:
    """-c and + say what it does; with -es it reads more of it."""
    silent = any(
        re.fullmatch(r"-[a-df-zA-DF-Z]*+[eE][a-rt-zA-Z]*+s[a-zA-Z]*+", word.text or "") for word in command.words[1:]
    )
    return _told(command, host, world, silent=silent)


def _told(command: Command, host: HostState, world: World, *, silent: bool) -> Outcome:
    words = of(command, "-c --cmd -S -u -U -i -T -w -W" + ("" if silent else " -s"))
    plus = [text[1:] for word in command.words[1:] if (text := word.text or "").startswith("+")]
    told = [value for name, value in words.options if name in ("-c", "--cmd")]
    if words.has("-S", "-W", "-w") or (words.has("-s") and not silent) or any(each is None for each in told):
        return _unsure(command, host)
    files = [word for word in words.operands if not (word.text or "").startswith("+")]
    if command.reads is not None:
        return _unsure(command, host) if silent or told or plus else harmless.effects(command, host, world)
    texts = [*plus, *(each or "" for each in told), *lines_of(command.here or "")]
    return _scripted(texts, files, command, host, world)


def _ex(command: Command, host: HostState, world: World) -> Outcome:
    """`ex -sc 'g/a/d|x' FILE`: the cluster ends in -c, whose value follows."""
    words: list[Word] = []
    for word in command.words:
        found = re.fullmatch(r"-([a-rt-zA-Z]*+s[a-zA-Z]*)c(.*)", word.text or "", re.S)
        words += [word] if found is None else [Word(f"-{found[1]}", word.raw), Word(f"-c{found[2]}", word.raw)]
    silent = any(re.fullmatch(r"-[a-rt-zA-Z]*+s[a-zA-Z]*+", word.text or "") for word in words[1:])
    return _told(command._replace(words=tuple(words)), host, world, silent=silent)


def _ed(command: Command, host: HostState, world: World) -> Outcome:
    """It does what its input says, line by line; what a person types, that person sees."""
    words = of(command, "-p --prompt")
    if command.here is None:
        return Outcome((), host) if command.reads is None else _unsure(command, host)
    texts, adding = [], False
    for line in lines_of(command.here):
        if adding:
            adding = line != "."
            continue
        texts.append(line)
        adding = re.fullmatch(rf"{_LINES}[aic]", line.strip()) is not None
    return _scripted(texts, words.operands, command, host, world)


def _values(command: Command, host: HostState, world: World) -> Outcome:
    """yq -i: a value of a document is another from then on."""
    words = of(command, "-o --output-format -p --input-format -I --indent -f --from-file --arg --argjson")
    if not words.has("-i", "--inplace", "--in-place"):
        return harmless.effects(command, host, world)
    rest = list(words.operands)
    if rest and rest[0].text in ("e", "eval", "ea", "eval-all"):
        rest.pop(0)
    expression = rest.pop(0).text if rest and not words.has("-f", "--from-file") else None
    return edited(rest, command, host, world, gentle=expression is not None and "del" not in expression)


def _replaces(command: Command, host: HostState, world: World) -> Outcome:
    """sd FROM TO FILE…, rpl FROM TO FILE…: without files sd reads its input."""
    words = of(command, "-f --flags -n --max-replacements -x -R")
    if words.has("-p", "--preview", "-s", "--simulate", "--dry-run"):
        return Outcome((), host)
    return edited(words.operands[2:], command, host, world, gentle=True)


def _pictures(command: Command, host: HostState, world: World) -> Outcome:
    """mogrify writes each picture over itself, unless it is told another folder or format."""
    texts = {word.text for word in command.words[1:]}
    if texts & {"-path", "-format", "-list", "-version", "-help"}:
        return harmless.effects(command, host, world)
    tree = places.tree(host, world)
    there = existing([w for w in command.words[1:] if not (w.text or "").startswith("-")], command, tree, follow=True)
    names = [Word(each.real, each.written) for each in there.found if each.entry.kind == "file"]
    outcome = edited(names, command, host, world, gentle=False)
    return outcome._replace(unknown=(*there.unknown, *outcome.unknown))


def _tags(command: Command, host: HostState, world: World) -> Outcome:
    """exiftool keeps FILE_original, unless it is told not to."""
    texts = [word.text or "" for word in command.words[1:]]
    files = [word for word in command.words[1:] if not (word.text or "").startswith("-")]
    if not any(re.match(r"-[\w:]*[-+^]?<?=", text) for text in texts):
        return harmless.effects(command, host, world)
    if any(text.startswith("-overwrite_original") for text in texts):
        return edited(files, command, host, world, gentle=True)
    return _kept(files, "its tags are edited, and the old file stays beside it", command, host, world)


def _line_ends(command: Command, host: HostState, world: World) -> Outcome:
    """dos2unix and its kin, which undo one another. -n IN OUT writes over OUT."""
    words = of(command, "-c --convmode -D --display-enc")
    if words.has("-i", "--info", "-h", "--help", "-V", "--version", "-O", "--to-stdout"):
        return Outcome((), host)
    if words.has("-n", "--newfile"):
        return overwritten(words.operands[1::2], command, host, world, f"{command.program} writes over it")
    return _kept(words.operands, "its lines end in another way, which can be undone", command, host, world)


BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "perl": _perl, "ruby": _perl, "awk": _awk, "gawk": _awk, "ed": _ed, "red": _ed, "ex": _ex,
    **dict.fromkeys(("vi", "vim", "nvim", "view", "vimdiff", "gvim"), _vim),
    "yq": _values, "sd": _replaces, "rpl": _replaces, "mogrify": _pictures, "exiftool": _tags,
    **dict.fromkeys(("dos2unix", "unix2dos", "mac2unix"), _line_ends),
}  # fmt: skip


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What an edit in its place leaves of a file."""
    return BY_PROGRAM[command.program or ""](command, host, world)
