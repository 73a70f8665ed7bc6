"""Programs that do their own work and are told where to write it: gcc -o, openssl -out, ffmpeg's last word.

What stands in such a file is lost. A program that asks, or refuses, writes over nothing that is there unless it is told
to. Read in each program's manual page; what it does beside is told as for any program that does its own work.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome, harmless
from runaway_watchdog.effects.arguments import of
from runaway_watchdog.effects.host import asked, places
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.effects.host.writers import overwritten
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import LowRisk
from runaway_watchdog.world import World
from runaway_watchdog.world.paths import Tree


class Output(NamedTuple):
    """How a program is told where it writes: options, parted by spaces.

    With `whole` a word with one dash is one option (`-out FILE`); of those in `joined` the value may stand in the same
    word (`-oFILE`). `last`: its last operand is written over where it is given at least so many.
    """

    options: str
    valued: str = ""  # options that take another value
    whole: bool = False
    joined: str = ""
    last: int = 0
    every: bool = False  # each of its operands is written over, not the last alone
    flags: str = ""  # with `whole`: every option but these takes a value (ffmpeg)
    adds: str = ""  # with one of these it adds to the file
    forced: str = ""  # it asks or refuses without one of these
    asks: bool = False  # it asks, and the line may answer
    builds: bool = False  # what it made itself it makes anew


class Parsed(NamedTuple):
    """`kept`: the command without the options that are judged here."""

    values: tuple[tuple[str, Word], ...]  # of `options`
    operands: tuple[Word, ...]
    flags: frozenset[str]
    kept: tuple[Word, ...]


_C = Output(
    "-o -MF",
    "-I -L -D -U -x -include -imacros -MT -MQ -isystem -iquote -idirafter -arch -T -Xlinker -Xassembler -u -z -l -e "
    "-m --sysroot -target -dumpbase -aux-info -R -rpath -soname -dynamic-linker",
    whole=True, joined="-o", builds=True,
)  # fmt: skip
_FFMPEG = Output(
    "-progress -vstats_file -dump_attachment -dump_attachment:t -sdp_file", whole=True, last=1, every=True, forced="-y",
    asks=True,
    flags="-y -n -nostdin -stdin -hide_banner -vn -an -sn -dn -shortest -stats -nostats -re -copyts -L -h -version "
    "-formats -codecs -encoders -decoders -filters -devices -protocols -bitexact -accurate_seek -noaccurate_seek "
    "-ignore_unknown -copy_unknown -start_at_zero -autorotate -noautorotate -benchmark -report -xerror -buildconf "
    "-hwaccels -pix_fmts -sources -sinks -muxers -demuxers -bsfs -layouts -sample_fmts -colors -fix_sub_duration",
)  # fmt: skip
_IMAGE = Output("-write", whole=True)
_NAMED = Output("-o --output --output-file")
_CAPTURE = Output(
    "-w", "-i -r -c -C -G -W -s -y -z -Z -E -F -B -T -M -V -m -j -Q --interface -f -a -b -d -e -n -o -O -R -S -X -Y -t "
    "--immediate-mode",
)  # fmt: skip
TABLE: Mapping[str, Output] = {
    **dict.fromkeys(("gcc", "g++", "cc", "c++", "clang", "clang++", "cpp", "ld", "as", "gfortran", "tcc"), _C),
    **dict.fromkeys(
        ("rustc", "ghc", "ocamlc", "swiftc", "zig", "kotlinc", "nim", "fpc", "gccgo", "ldc2", "dmd"),
        Output("-o", "-C -L -l -A -W -D -F --edition --crate-type --crate-name --target --emit --cfg", whole=True,
            builds=True),
    ),
    "strip": Output("-o", "-K -N -R -F -I -O", builds=True),
    "ffmpeg": _FFMPEG,
    **dict.fromkeys(("avconv", "ffmpeg4"), _FFMPEG),
    **dict.fromkeys(("convert", "magick", "composite", "montage", "gm"), _IMAGE),
    "sox": Output("", "-r -c -b -e -t -C -v -B -L --rate --channels --bits --encoding --type --volume", last=2),
    "lame": Output(
        "", "-b -V -q -m -s -B --preset --tt --ta --tl --ty --tc --tn --tg --abr --resample --lowpass --highpass "
        "--scale --comp --bitwidth --ti --out-dir", last=2),
    "pandoc": Output("-o --output --log", "-f -t -r -w --from --to --template -V -M -H -B -A -c --css -F -L"),
    "dot": Output("-o", "-T -K -G -N -E -l"),
    **dict.fromkeys(("neato", "fdp", "circo", "twopi", "sfdp"), Output("-o", "-T -K -G -N -E -l")),
    "openssl": Output(
        "-out -keyout -writerand -rand_out -sigout -CRL_out -sess_out -msgfile -certsout -respout -reqout",
        "-in -inkey -passin -passout -pass -subj -days -newkey -config -extfile -extensions -CA -CAkey -CAfile -CApath "
        "-connect -servername -sign -verify -signature -keyform -inform -outform -K -iv -S -md -iter -name -certfile "
        "-set_serial -CAserial -addext -algorithm -pkeyopt -engine -provider -rand -k -kfile -caname -kdfopt",
        whole=True,
    ),
    **dict.fromkeys(("tcpdump", "tshark", "dumpcap"), _CAPTURE),
    **dict.fromkeys(("gpg", "gpg2"), Output(
        "-o --output",
        "-u --local-user -r --recipient -R --hidden-recipient --homedir --passphrase --passphrase-file --passphrase-fd "
        "--cipher-algo --digest-algo --compress-algo --pinentry-mode -z --trust-model --keyserver --default-key -N "
        "--batch-file --status-fd --s2k-cipher-algo --s2k-digest-algo --s2k-mode --s2k-count",
        forced="--yes",
    )),
    "age": Output("-o --output", "-r --recipient -R --recipients-file -i --identity -j"),
    "sops": Output("--output", "-k --kms -p --pgp -a --age --input-type --output-type --config --extract --set"),
    "xxd": Output("", "-c -cols -g -groupsize -l -len -o -s -seek -n -name -R", whole=True, last=2),
    "script": Output("-O -B -I -T --log-out --log-io --log-in --log-timing",
                     "-c --command -o --output-limit -E --echo -m --logging-format", last=1, adds="-a --append"),
    **dict.fromkeys(("strace", "ltrace"), Output(
        "-o --output", "-e -p --attach -s --string-limit -u --user -E --env -a -b -O -P -S -X -I --trace -l -n -D",
        adds="-A --output-append-mode")),
    "msgfmt": Output("-o --output-file", "-D -d -l"),
    "iconv": Output("-o --output", "-f --from-code -t --to-code"),
    "tree": Output("-o", "-L -P -I -H -T --charset --filelimit --timefmt --sort"),
    "shuf": Output("-o --output", "-i --input-range -n --head-count --random-source"),
    "diff": Output("--output", "-I -x -X -C -U -W -F -S -D -L --label --exclude --exclude-from"),
    "xmllint": Output("--output -o",
                      "--encode --xpath --schema --relaxng --dtdvalid --pattern --maxmem --path", whole=True),
    "xsltproc": Output("-o --output", "--param --stringparam --path --maxdepth --encoding", whole=True),
    "nmap": Output("-oN -oX -oG -oS", "-p -iL -T -D -S -e -g --script --script-args --exclude --excludefile -sI -PS "
                   "-PA --max-rate --min-rate -oA --top-ports", whole=True, adds="--append-output"),
    **dict.fromkeys(("iptables-save", "ip6tables-save"), Output("-f --file", "-t --table -M --modprobe")),
    "tsc": Output("--outFile", whole=True, builds=True),
    "esbuild": Output("--outfile --metafile", whole=True, builds=True),
    **dict.fromkeys(("terser", "uglifyjs", "svgo", "cleancss", "csso"), _NAMED),
    **dict.fromkeys(("cwebp", "dwebp", "avifenc", "rsvg-convert", "img2pdf"), Output(
        "-o --output", "-q -m -r -size -resize -crop -preset -z -f -w -h -x -y -d -p -a", whole=True)),
    "inkscape": Output("-o --export-filename", "-w -h -d -l -i -C --export-type --export-width --export-height "
                    "--actions"),
    "gs": Output("-sOutputFile -o", whole=True, joined="-sOutputFile= -o"),
    "qpdf": Output("", "--pages --encrypt --rotate --split-pages", last=2),
    **dict.fromkeys(("wkhtmltopdf", "wkhtmltoimage", "pdftotext", "pdftops", "pdftohtml"), Output(
        "", "-f -l -r -x -y -W -H -enc -eol -opw -upw -s -O -T -B -L -R --page-size", whole=True, last=2)),
    **dict.fromkeys(("genisoimage", "mkisofs", "xorrisofs"), Output(
        "-o -output", "-V -volid -A -p -P -b -c -C -M -m -x -exclude -G", whole=True)),
    "htpasswd": Output("", "-C -r", last=0),
    **dict.fromkeys(("sponge",), Output("", last=1, adds="-a")),
    "aria2c": Output("-o --out", "-d --dir -x -s -j -i", forced="--allow-overwrite"),
    **dict.fromkeys(("http", "https", "xh"), Output("-o --output", "-a --auth -A -p --print --verify --timeout")),
    "ddrescue": Output("", "-b -B -c -i -o -s -r -S -x", last=2),
    "asciinema": Output("", "-c --command -t --title -i -e", forced="--overwrite"),
    "protoc": Output("-o --descriptor_set_out", "-I --proto_path", builds=True),
    "ssh-keygen": Output("-f", "-t -b -C -N -P -O -m -I -n -V -z -s -a -Z -F -R -r -D -w -E -Y", asks=True),
    "fallocate": Output("", "-l --length -o --offset"),
    "patch": Output("-o --output", "-p --strip -F --fuzz -i --input -D -B -Y -z -V -g -d -r"),
    "sdiff": Output("-o --output", "-w --width -I --ignore-matching-lines --tabsize --diff-program"),
    "ss": Output("-D --diag", "-A --query --socket -f --family -F --filter -N --net"),
    "info": Output("-o --output --dribble", "-f --file -n --node -k --apropos -d --directory -v --variable"),
    "lshw": Output("-dump", "-class -C -disable -enable", whole=True),
    "dstat": Output("-o --output -p --pidfile", "-C -D -I -N -S"),
    "ab": Output("-g -e", "-n -c -t -s -b -B -p -u -T -v -m -x -y -z -C -H -A -P -X -f -E -Z"),
    "ptx": Output("", "-F -M -S -W -b -g -i -o -w"),
    "ncdu": Output("-o", "-f -X --exclude --exclude-from --color"),
    "sslscan": Output("--xml", "--targets --sni-name --pk --certs --timeout --sleep"),
    "turbostat": Output("-o --out", "-a --add -c --cpu -e --enable -H --hide -i --interval -n -s --show -T --TCC"),
    "radeontop": Output("-d --dump", "-b --bus -i --dump-interval -l --limit -t --ticks -p --path"),
    "lnav": Output("-w -d", "-c -f -I -e"),
    "multitail": Output("-a -A", whole=True),
    "intel_gpu_top": Output("-o", "-s -d"),
    "blkid": Output("-c --cache-file", "-L -U -n -o -O -S -s -t -u -H"),
    "csplit": Output("", "-b --suffix-format -f --prefix -n --digits"),
}  # fmt: skip
NOT_A_FILE = re.compile(r"-|[a-z0-9]+:-|pipe:\d*|[a-z][a-z0-9+.]*://.*|fd:\d+|(?:null|info|x|show|win):.*", re.I)
_NUMBERED = re.compile(r"%0?\d*d")
_PRODUCTS = (
    "\x7fELF", "!<arch>\n", "!<thin>\n", "\0asm", "\udcca\udcfe\udcba\udcbe", "\udccf\udcfa\udced\udcfe", "MZ",
    "\udcce\udcfa",
)  # fmt: skip
"""How the files begin that compilers and linkers make: object files, archives of them, wasm, class files."""
_TEXT_PRODUCT = re.compile(r"\.(?:js|mjs|cjs|map|css|d|o|a|so|s|i|ii|dll|exe|class|wasm|hi|cmi|cmo|pb)\Z")


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """The files that it writes over, then what is not known about it."""
    how = TABLE[command.program or ""]
    if command.program in ("magick", "gm") and command.words[1:] and command.words[1].text == "mogrify":
        from runaway_watchdog.effects.host import edits

        return edits.effects(command._replace(words=command.words[1:]), host, world)
    read = parsed(command.words[1:], how)
    names = [_pattern(word) for word in _names(command, how, read) if not NOT_A_FILE.fullmatch(word.text or "")]
    if read.flags.intersection(how.adds.split()):
        names = []
    outcome = _over(names, how, read, command, host, world)
    rest = harmless.effects(command._replace(words=(command.words[0], *read.kept)), outcome.host, world)
    return Outcome((*outcome.effects, *rest.effects), rest.host, (*outcome.unknown, *rest.unknown))


def parsed(words: Sequence[Word], how: Output) -> Parsed:
    """The words of a program by its own grammar."""
    values: list[tuple[str, Word]] = []
    operands: list[Word] = []
    flags: set[str] = set()
    kept: list[Word] = []
    pending = list(words)
    written = frozenset(how.options.split())
    while pending:
        word = pending.pop(0)
        text = word.raw if word.text is None else word.text
        if text == "--" and not how.whole:
            operands += pending
            kept += [word, *pending]
            break
        if text == "-" or not text.startswith("-"):
            operands.append(word)
            kept.append(word)
            continue
        taken = list(_options(word, text, pending, how))
        flags.update(name for name, _ in taken)
        judged = [
            (name, value)
            for name, value in taken
            if name in written and value is not None and (value.text or "")[:1] not in ("|", "!")
        ]
        values += judged
        if not judged:
            kept += [word, *(value for name, value in taken if value is not None and value.raw is not word.raw)]
    return Parsed(tuple(values), tuple(operands), frozenset(flags), tuple(kept))


def _options(word: Word, text: str, pending: list[Word], how: Output) -> Iterator[tuple[str, Word | None]]:
    """The options in one word, each with its value, which may be the word behind it."""

    def value(rest: str) -> Word:
        return Word(rest if word.text is not None else None, word.raw)

    name, separator, rest = text.partition("=")
    takes = f"{how.options} {how.valued}".split()
    if separator and (name in takes or text.startswith("--")):
        yield name, value(rest) if name in takes else None
    elif how.whole or text.startswith("--"):
        start = next((each for each in how.joined.split() if text.startswith(each) and text != each), None)
        if text in takes or (how.flags and text not in how.flags.split()):
            yield text, pending.pop(0) if pending else None
        elif start is not None and not text.startswith("--"):
            yield start.rstrip("="), value(text[len(start) :])
        else:
            yield text, None
    else:
        for at, letter in enumerate(text[1:], start=1):
            if f"-{letter}" in takes:
                rest = text[at + 1 :]
                yield f"-{letter}", value(rest) if rest else pending.pop(0) if pending else None
                return
            yield f"-{letter}", None


def _over(names: Sequence[Word], how: Output, read: Parsed, command: Command, host: HostState, world: World) -> Outcome:
    """What stands in these files, where the program writes over what is there."""
    told = not read.flags.isdisjoint(how.forced.split()) or (how.asks and asked.answered(command))
    if not names or ((how.forced or how.asks) and not told):
        return Outcome((), host)
    if how.builds:
        tree = places.tree(host, world)
        names = [word for word in names if not _is_product(word, command, host, world, tree)]
    outcome = overwritten(names, command, host, world, f"{command.program} writes over it")
    if not how.builds:
        return outcome
    return outcome._replace(unknown=tuple(LowRisk(each) for each in outcome.unknown))


def _is_product(word: Word, command: Command, host: HostState, world: World, tree: Tree) -> bool:
    """Whether the file is one that such a program makes, and makes anew from the same sources."""
    path = absolute(word, command)
    if path is None or _TEXT_PRODUCT.search(path):
        return path is not None
    try:
        return world.files.read(places.on_disk(tree.real(path), host)).startswith(_PRODUCTS)
    except OSError:
        return False


def _pattern(word: Word) -> Word:
    """`frame%04d.png` stands for every file that is called so."""
    if word.text is None or not _NUMBERED.search(word.text):
        return word
    return Word(_NUMBERED.sub("[0-9]*", word.text), word.raw, globbing=True)


def _names(command: Command, how: Output, read: Parsed) -> list[Word]:
    """The files that it is told to write."""
    named = [value for _, value in read.values]
    special = _SPECIAL.get(command.program or "")
    if special is not None:
        return special(command, named, read)
    if how.last and len(read.operands) >= how.last:
        named += read.operands if how.every else read.operands[-1:]
    return named


def _captures(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001 - as `_SPECIAL` has it
    """tcpdump: with -C a number stands behind the name, with -G the time in it; a name with a year is a new one."""
    made: list[Word] = []
    for word in named:
        text = word.text
        if text is None or not read.flags & {"-C", "-G"} or re.search(r"%[YyFsDcGx]", text):
            made += [word] if text is None or "%" not in text else []
            continue
        if "-G" in read.flags and "%" in text:
            text = re.sub(r"%[A-Za-z]", "*", text)
        made.append(Word(f"{text}*" if "-C" in read.flags else text, word.raw, globbing=True))
    return made


def _traces(command: Command, named: list[Word], read: Parsed) -> list[Word]:
    """strace -ff: one file for each process, NAME.PID. What `|` or `!` begins is a command."""
    parted = "--output-separately" in read.flags or any(
        re.match(r"-[a-zA-Z]*ff", word.text or "") for word in command.words[1:]
    )
    files = [word for word in named if (word.text or "")[:1] not in ("|", "!")]
    return [Word(f"{word.text}.[0-9]*", word.raw, globbing=True) for word in files if word.text] if parted else files


def _images(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001 - as `_SPECIAL` has it
    """ImageMagick: the last word, whatever options stand before it."""
    words = command.words[1:]
    if words and words[0].text in ("identify", "mogrify", "-list", "-version", "-help", "-h", "animate", "display"):
        return named
    last = words[-1] if len(words) > 1 else None
    if last is None or (last.text or "").startswith("-"):
        return named
    text = last.text
    if text is not None and (found := re.fullmatch(r"[A-Za-z][A-Za-z0-9]{1,5}:(?P<name>[^/].*|/[^/].*)", text)):
        last = Word(found["name"], last.raw) if found["name"] != "-" else Word("-", last.raw)
    return [*named, last]


def _gpg(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001
    """Without -o it writes beside what it is given, under a name that it makes of it."""
    if named or not read.operands or read.operands[0].text is None:
        return named
    if read.flags & {"-d", "--decrypt", "-k", "-K", "--list-keys", "--verify", "--import", "--export", "--recv-keys"}:
        return []
    plain = "asc" if read.flags & {"-a", "--armor", "--clearsign", "--clear-sign"} else "gpg"
    if read.flags & {"-b", "--detach-sign"}:
        plain = "asc" if plain == "asc" else "sig"
    if not read.flags & {"-e", "--encrypt", "-c", "--symmetric", "-s", "--sign", "-b", "--detach-sign", "--clearsign",
                         "--clear-sign"}:  # fmt: skip
        return []
    return [Word(f"{word.text}.{plain}", word.raw) for word in read.operands if word.text is not None]


def _script(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001
    """Without a name it writes `typescript`."""
    return [*named, *read.operands[-1:]] if named or read.operands else [Word("typescript", "typescript")]


def _htpasswd(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001
    """-c makes the file anew."""
    return list(read.operands[:1]) if "-c" in read.flags and "-n" not in read.flags else []


def _keys(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001
    """A new pair: the private key, and the public one beside it."""
    if read.flags & {f"-{letter}" for letter in "lypeiBHRFrDkQYcLs"}:
        return []
    return [part for word in named for part in (word, Word(word.text and f"{word.text}.pub", word.raw))]


def _holes(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001
    """A part of the file is taken out of it, or filled with zeros."""
    cuts = {"-p", "--punch-hole", "-c", "--collapse-range", "-z", "--zero-range"}
    return list(read.operands[-1:]) if read.flags & cuts else []


def _parts(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001
    """csplit: PREFIX00, PREFIX01 …"""
    words = of(command, "-b --suffix-format -f --prefix -n --digits")
    prefix, digits = words.value("-f", "--prefix"), words.value("-n", "--digits") or "2"
    if len(words.operands) < 2 or words.has("--help", "--version") or not digits.isdigit():
        return []
    if prefix is None and words.has("-f", "--prefix"):
        return [Word(None, "what csplit calls its parts")]
    ending = words.value("-b", "--suffix-format")
    number = _NUMBERED.sub("[0-9]*", ending) if ending else "[0-9]" * int(digits)
    return [Word(f"{prefix or 'xx'}{number}", "csplit's parts", globbing=True)]


def _permuted(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001
    """ptx: the second operand, as in System V."""
    return list(read.operands[1:2]) if read.flags & {"-G", "--traditional"} else []


def _recorded(command: Command, named: list[Word], read: Parsed) -> list[Word]:  # noqa: ARG001
    return list(read.operands[1:2]) if read.operands and read.operands[0].text == "rec" else []


_SPECIAL = {
    **dict.fromkeys(("convert", "magick", "composite", "montage", "gm"), _images),
    **dict.fromkeys(("gpg", "gpg2"), _gpg),
    "script": _script, "htpasswd": _htpasswd, "ssh-keygen": _keys, "fallocate": _holes, "asciinema": _recorded,
    "csplit": _parts, "ptx": _permuted, "tcpdump": _captures, "strace": _traces,
}  # fmt: skip
