"""Programs that change a file where it lies: perl -pi, awk -i inplace, scripted editors, yq -i, mogrify.

Nothing of what the file was is kept, unless they are told to. An edit that puts something in the place of a part of a
line is one as of `sed -i s/a/b/`: told, and the file goes on being what it is.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

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
_QUIET = re.compile(
    rf"(?:{_LINES}:?\s*+(?:(?:sil(?:ent)?|noa\w*|keep\w*|vert(?:ical)?|tab|bel\w*|bo(?:tright)?|top\w*|abo\w*|"
    r"lockm\w*|hid(?:e)?|conf(?:irm)?|uns\w*|bro\w*|argdo|bufdo|windo|tabdo|cdo|cfdo|ldo|lfdo)!?\s+)*){1,2}"
)
"""What stands before a command of vim, and changes nothing of what it does."""
_PIECE = re.compile(
    rf"{_LINES}:?\s*+(?:s(?:ubstitute)?(?P<mark>[/#,@:;+])(?:(?:\\.|(?!(?P=mark))[^\\])*(?P=mark)){{1,2}})?"
    r"(?:\\.|[^\\|])*+"
)
_GLOBAL = re.compile(
    rf"{_LINES}:?\s*+(?:g(?:lobal)?|v(?:global)?)!?(?P<mark>[/#,@:;+])(?:\\.|(?!(?P=mark))[^\\])*(?P=mark)"
)
_QUITS = re.compile(
    r"(?:[-+]+\d*|q|qa|qall|quit|Q|cq|[pnl=]|print|nu|number|f|file|H|P|set?[lg]?\b.*|set(?:local|global)\b.*|sy(?:n|ntax)\b.*|"
    r"filetype\b.*|colo\w*\b.*|norm(?:al)?!? (?:gg|G|zz|zt)|\d*|[/?].*|v?s(?:p|plit)|tabnew|v?new|help\b.*|h\b.*|"
    r"e(?:dit)?|noh\w*|let\b.*|ec\w*\b.*|if\b.*|el\w*|en(?:dif)?|wincmd\b.*|y(?:ank)?|[nvxic]?(?:nore)?map\b.*|v|\".*)!?"
)
_SAVES = re.compile(
    r"(?:w|wq|x|wa|wqa|xa|xit|exit|wall|wn|wnext|up|update|write|sav|saveas)(?P<all>!?)(?P<adds>\s*>>)?"
    r"(?:(?:\s+|(?<=!))(?P<name>\S.*))?\s*"
)
_KEEPS_A_STATE = re.compile(
    r"(?:mks\w*|mkv\w*|mkexrc|mk|wv\w*|wundo|redir?)(?P<all>!?)(?P<adds>\s*>>)?\s*>?\s*(?P<name>.*)"
)
_OPENS = re.compile(
    r"(?:e|ed|edit|tabe|tabedit|tabnew|sp|split|vs|vsp|vsplit|v?new|vne|sv|sview|vie|view|ar|args|n|next|fin|find|drop|"
    r"bad|badd)!?\s++(?P<name>\S.*)"
)
_RUNS = re.compile(
    r"(?:!|(?:cal(?:l)?|exe(?:cute)?|py\w*|lua\w*|pe(?:rl)?|perldo|rub\w*|so(?:urce)?|ter\w*|mak\w*|lmak\w*|gr(?:ep)?|"
    r"lgr\w*|sh(?:ell)?|mz\w*|tcl\w*|ru(?:ntime)?|au(?:group|tocmd)?|com(?:mand)?|fu(?:nction)?)\b|r(?:ead)?\s*!|"
    r"(?:w(?:rite)?|e)\s+!|f(?:ile)?\s+\S|norm(?:al)?!?\s[^:!@\x00-\x1f]*+[:!@\x00-\x1f])"
)
_CALLS = re.compile(r"(?<![\w.#:])(?P<name>[\w.#:]++)\(")
_HARMLESS_CALLS = frozenset(
    (
        "bufname", "col", "empty", "exists", "expand", "filereadable", "fnamemodify", "get", "getcwd", "getline", "has",
        "join", "len", "line", "localtime", "matchstr", "printf", "range", "repeat", "split", "str2nr", "strftime",
        "substitute", "tolower", "toupper", "trim",
    )
)  # fmt: skip
_SUBSTITUTES = re.compile(r"(?:s\W|substitute\W|&&|retab|%?s\W)")


def _command(text: str) -> str:
    """Without the lines that it is for, and without what says how it is to be done."""
    text = text.strip()
    found = _QUIET.match(text)
    return text[0 if found is None else found.end() :].strip()


def _pieces(text: str) -> Iterator[str]:
    """The commands of one of vim's lines, parted by bars, without the lines that they are for."""
    at = 0
    while at < len(text):
        found = _GLOBAL.match(text, at)
        if found is not None:  # what it does with each line that fits follows; without anything it shows them
            at = found.end()
            continue
        piece = _PIECE.match(text, at)
        end = len(text) if piece is None else piece.end()
        yield _command(text[at:end])
        at = end + 1


def _may_run(piece: str) -> bool:
    """Whether it runs a program, or calls a function that may do anything."""
    if _RUNS.match(piece):
        return True
    plain = piece.startswith(("/", "?", "se", "sy")) or (_SUBSTITUTES.match(piece) and r"\=" not in piece)
    return not plain and any(found["name"] not in _HARMLESS_CALLS for found in _CALLS.finditer(piece))


def _scripted(
    told: Sequence[str], files: Sequence[Word], command: Command, host: HostState, world: World, *, asks: bool = True
) -> Outcome:
    """What an editor is told, one command a text: it writes what it holds to its files, or to others. With `asks` it
    writes over no other file without a `!`."""
    saves = [found for each in told if (found := _SAVES.fullmatch(each) or _KEEPS_A_STATE.fullmatch(each))]
    named = [each for each in saves if each["name"]]
    rest = [each for each in told if not _SAVES.fullmatch(each) and not _KEEPS_A_STATE.fullmatch(each)]
    opens = [found["name"] for each in rest if (found := _OPENS.fullmatch(each))]
    changes = [each for each in rest if not _QUITS.fullmatch(each) and not _OPENS.fullmatch(each)]
    names = (*opens, *(each["name"] for each in named))
    if any(map(_may_run, rest)) or any(re.match(r"[!+]", name) or re.search(r"[%#$`*]", name) for name in names):
        return _unsure(command, host)
    forced = [each["name"] for each in named if not each["adds"] and (each["all"] or not asks)]
    others = [Word(name, name) for name in forced]
    outcome = overwritten(others, command, host, world, f"{command.program} writes over it")
    if not changes or len(named) == len(saves):
        odd = LowRisk(f"what `{shown(command)}` does beside is not looked up")
        return outcome._replace(unknown=(*outcome.unknown, *((odd,) if changes else ())))
    gentle = all(_SUBSTITUTES.match(each) for each in changes)
    opened = [Word(name, name) for name in opens]
    more = edited((*files, *opened), command, outcome.host, world, gentle=gentle)
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
    pieces = [piece for text in texts for piece in _pieces(text) if piece]
    typed = any(piece.startswith("norm") and "ZZ" in piece for piece in pieces)
    return _scripted([*pieces, *(["w"] if typed else [])], files, command, host, world)


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
        texts.append(_command(line))
        adding = re.fullmatch(rf"{_LINES}[aic]", line.strip()) is not None
    return _scripted([text for text in texts if text], words.operands, command, host, world, asks=False)


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
    """sd FROM TO FILE…, rpl FROM TO FILE…: without files sd reads its input; rpl -R goes into folders."""
    rpl = command.program == "rpl"
    words = of(command, "-x -t --use-tmpdir --encoding" if rpl else "-f --flags -n --max-replacements")
    if words.has("-p", "--preview", "--prompt", "-s", "--simulate", "--dry-run"):
        return Outcome((), host)
    there = existing(words.operands[2:], command, places.tree(host, world), follow=True)
    if words.has("-R", "--recursive") and any(each.entry.kind == "folder" for each in there.found):
        return _unsure(command, host)
    if rpl and words.has("-b", "--backup"):
        return _kept(words.operands[2:], "its lines are edited, and the old file stays beside it", command, host, world)
    return edited(words.operands[2:], command, host, world, gentle=True)


def _pictures(command: Command, host: HostState, world: World) -> Outcome:
    """mogrify writes each picture over itself, unless it is told another folder or format."""
    texts = [word.text for word in command.words[1:]]
    if {"-list", "-version", "-help"} & set(texts):
        return Outcome((), host)
    values = dict(pairwise(texts))
    folder = values.get("-path", values.get("-output-directory"))
    kind = values.get("-format")
    tree = places.tree(host, world)
    there = existing([w for w in command.words[1:] if not (w.text or "").startswith("-")], command, tree, follow=True)
    names = [Word(each.real, each.written) for each in there.found if each.entry.kind == "file"]
    if folder or kind:
        made = [_picture(each.text or "", folder, kind) for each in names]
        outcome = overwritten(made, command, host, world, f"{command.program} writes over it")
    else:
        outcome = edited(names, command, host, world, gentle=False)
    return outcome._replace(unknown=(*there.unknown, *outcome.unknown))


def _picture(path: str, folder: str | None, kind: str | None) -> Word:
    """What mogrify calls what it makes of a picture."""
    above, _, name = path.rpartition("/")
    name = name if kind is None else f"{name.rpartition('.')[0] or name}.{kind}"
    made = f"{folder or above}/{name}"
    return Word(made, made)


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
