"""Programs that mostly read or fetch, and write over a file with one option: sort -o, sed -i, curl -o, wget -O."""

import re
from collections.abc import Callable, Mapping, Sequence

from runaway_watchdog.effects import HostState, Outcome, harmless
from runaway_watchdog.effects.arguments import of, read, shown
from runaway_watchdog.effects.docker import state
from runaway_watchdog.effects.host import losing, places
from runaway_watchdog.effects.host.targets import absolute, existing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

SORT_VALUED = (
    "-k --key -t --field-separator -o --output -S --buffer-size -T --temporary-directory --parallel --batch-size "
    "--compress-program --files0-from --random-source --sort"
)
CURL_VALUED = (
    "-o --output -H --header -d --data --data-raw --data-binary --data-urlencode -F --form -u --user -X --request -A "
    "--user-agent -b --cookie -c --cookie-jar -e --referer -T --upload-file -m --max-time -x --proxy -E --cert --key "
    "--cacert -K --config --retry -w --write-out -r --range --connect-timeout -D --dump-header --output-dir --url "
    "--resolve --limit-rate -C --continue-at -y -Y -z --stderr --trace --trace-ascii --unix-socket --interface -Q "
    "--quote --libcurl --hsts --alt-svc --etag-save"
)
CURL_WRITES = (
    "-o",
    "--output",
    "-D",
    "--dump-header",
    "-c",
    "--cookie-jar",
    "--stderr",
    "--trace",
    "--trace-ascii",
    "--libcurl",
    "--hsts",
    "--alt-svc",
    "--etag-save",
)
WGET_VALUED = (
    "-O --output-document -o --output-file -P --directory-prefix -t --tries -T --timeout -U --user-agent -i "
    "--input-file -e --execute -w --wait -Q --quota -A -R -D -I -X -l --level --header --post-data --user --password"
)
_EDITS = re.compile(
    r"(?:\d+(?:,\d+|,\$)?|\$|/(?:\\.|[^/\\])*/(?:,(?:\d+|\$|/(?:\\.|[^/\\])*/))?)?\s*+!?\s*+[sy](?P<mark>[^\w\s\\])"
)
_ADDS = re.compile(r"(?:\d+|\$|/(?:\\.|[^/\\])*/)?\s*[ai](?:\\|\s|$)")


def overwritten(words: Sequence[Word], command: Command, host: HostState, world: World, why: str) -> Outcome:
    """As `losing.overwritten`; the engine, whose data it may be, is asked only now."""
    if not words:
        return Outcome((), host)
    return losing.overwritten(words, command, host._replace(docker=state.current(host, world)), world, why)


def _sort(command: Command, host: HostState, world: World) -> Outcome:
    """-o writes over its file, which may be the one that is sorted: then its lines stay, in another order."""
    words = of(command, SORT_VALUED)
    if not words.has("-o", "--output") or words.has("--compress-program"):
        return harmless.effects(command, host, world)
    target = _value(command, "o", "--output")
    inputs = existing(words.operands, command, places.tree(host, world), follow=True)
    if inputs.absent or any(each.entry.kind == "folder" for each in inputs.found):
        return Outcome((), host)  # it reads everything before it writes
    into = absolute(target, command)
    if into is not None and into in {absolute(word, command) for word in words.operands}:
        why = "its lines are put in order" + (", each once" if words.has("-u", "--unique") else "")
        there = existing([target], command, places.tree(host, world), follow=True)
        changes = tuple(Effect("change", "path", each.real, False, why) for each in there.found)
        return Outcome(changes, host, there.unknown)
    return overwritten([target], command, host, world, "sort writes over it")


def _value(command: Command, letter: str, name: str) -> Word:
    """The word of an option's value, as it stands in the line."""
    words = command.words
    for at, word in enumerate(words[1:], start=1):
        text = word.text or word.raw
        if text.startswith(f"{name}="):
            return Word(None if word.text is None else text.partition("=")[2], word.raw)
        cluster = text[:1] == "-" and text[:2] != "--" and letter in text
        if text == name or (cluster and text.endswith(letter)):
            return words[at + 1] if at + 1 < len(words) else Word("", "")
        if cluster:
            return Word(None if word.text is None else text.partition(letter)[2], word.raw)
    return Word("", "")


def _uniq(command: Command, host: HostState, world: World) -> Outcome:
    """The second operand is written over."""
    words = of(command, "-f --skip-fields -s --skip-chars -w --check-chars")
    if len(words.operands) < 2:
        return harmless.effects(command, host, world)
    return overwritten(words.operands[1:2], command, host, world, "uniq writes over it")


def _sed(command: Command, host: HostState, world: World) -> Outcome:
    """-i: the file is another one from then on. With a suffix (-i.bak) the old one stays beside it."""
    words = _sed_words(command)
    given = [(name, value) for name, value in read(words, SED_VALUED).options if name in ("-i", "--in-place")]
    if not given:
        return harmless.effects(command, host, world)
    found = read(words, SED_VALUED)
    scripts = [value for name, value in found.options if name in ("-e", "--expression")]
    files: Sequence[Word] = found.operands
    if not scripts and not found.has("-f", "--file"):
        scripts, files = [files[0].text if files else None], files[1:]
    if any(script is None or harmless.sed_writes(script) for script in scripts):
        return Outcome((), host, (f"what `{shown(command)}` writes is not looked up",))
    there = existing(files, command, places.tree(host, world), follow=True)
    if given[-1][1]:
        why = "its lines are edited, and the old file stays beside it"
        return Outcome(tuple(Effect("change", "path", e.real, False, why) for e in there.found), host, there.unknown)
    names = [Word(each.real, each.written) for each in there.found]
    outcome = overwritten(names, command, host, world, "sed edits it, and keeps nothing of what it was")
    effects = outcome.effects
    if scripts and all(edits_alone(script or "") for script in scripts):
        effects = tuple(each._replace(in_use=False, used_by=()) for each in effects)
    return Outcome(effects, outcome.host, (*there.unknown, *outcome.unknown))


SED_VALUED = "-e --expression -f --file -l --line-length -i"


def _sed_words(command: Command) -> list[Word]:
    """-i has no value of its own word: `-i.bak` or nothing. `-ni` and `-Ei` are clusters that end in it."""
    words: list[Word] = []
    for word in command.words[1:]:
        found = re.fullmatch(r"-([nErsuz]*)i(.*)", word.text or "")
        if found is None or (word.text or "").startswith("--"):
            words.append(word)
            continue
        words += [Word(f"-{letter}", word.raw) for letter in found[1]]
        words.append(Word(f"--in-place={found[2]}" if found[2] else "--in-place", word.raw))
    return words


def edits_alone(script: str) -> bool:
    """Whether every command of it puts something in the place of a part of a line (`s`, `y`), or adds lines."""
    lines = "\n".join(line for each in script.split("\n") if (line := each.strip()))
    parts = [each.strip() for each in re.split(r"[;\n](?=[^\S\n]*+(?:$|[\d$/]*[a-zA-Z]))", lines) if each.strip()]
    return bool(parts) and all(_edit(each) for each in parts)


def _edit(part: str) -> bool:
    if _ADDS.match(part):
        return True
    found = _EDITS.match(part)
    if found is None:
        return False
    fields = re.split(rf"(?<!\\){re.escape(found['mark'])}", part[found.end() :])
    return len(fields) > 1 and fields[1] != "" and fields[0] not in (".*", "^.*$", "^.*")


def _curl(command: Command, host: HostState, world: World) -> Outcome:
    """-o and -O write over a file of that name; the rest is told where curl is."""
    words = of(command, CURL_VALUED)
    folder = words.value("--output-dir")
    into = command.folder if folder is None else absolute(Word(folder, folder), command)
    names = [Word(value, value or "what curl is told to write") for name, value in words.options if name in CURL_WRITES]
    if words.has("-O", "--remote-name", "--remote-name-all"):
        names += [Word(text.partition("?")[0].rstrip("/").rpartition("/")[2], text) for text in words.texts]
    return _fetched(names, command._replace(folder=into), command, host, world)


def _wget(command: Command, host: HostState, world: World) -> Outcome:
    """-O and -o write over a file of that name; what it fetches otherwise gets a name of its own."""
    words = of(command, WGET_VALUED)
    options = ("-O", "--output-document", "-o", "--output-file")
    names = [Word(value, value or "what wget is told to write") for name, value in words.options if name in options]
    return _fetched(names, command, command, host, world)


def _fetched(names: Sequence[Word], at: Command, command: Command, host: HostState, world: World) -> Outcome:
    outcome = overwritten(
        [word for word in names if word.text not in ("-", "")], at, host, world, f"{command.program} writes over it"
    )
    rest = harmless.effects(command, outcome.host, world)
    return Outcome((*outcome.effects, *rest.effects), rest.host, (*outcome.unknown, *rest.unknown))


BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "sort": _sort, "uniq": _uniq, "sed": _sed, "gsed": _sed, "curl": _curl, "wget": _wget,
}  # fmt: skip
