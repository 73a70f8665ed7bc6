"""What clients of clouds bring to this host, and where they put it: `aws s3 cp s3://b/k FILE`, `az … download -f FILE`.

What stands there is lost, unless the client is told to leave it, or refuses. Read in each client's own reference.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of
from runaway_watchdog.effects.host import unpackers
from runaway_watchdog.effects.host.outputs import NOT_A_FILE, Output, Parsed, parsed
from runaway_watchdog.effects.host.targets import absolute
from runaway_watchdog.effects.host.writers import overwritten
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import World


class Download(NamedTuple):
    """One of a client's subcommands, known by how its operands begin."""

    verb: Pattern
    how: Output  # with `last`: its last operand is the file, where it has at least so many
    copies: bool = False  # SOURCE… TARGET stand behind the verb; a target that is missing is the folder it runs in
    folder: str = ""  # options that name a folder; which files it makes there is not known
    keeps: Pattern | None = None  # the options with which it leaves what is there
    aliases: bool = False  # nothing but its own configuration tells a place elsewhere from a file


_CLOBBERS_NOT = Pattern(r"-[a-zA-Z]*n[a-zA-Z]*|--no-clobber")
_SKIPS = Pattern(r"-[a-z]*n|--dry-run|--skip-existing")
_AWS_FLAGS = (
    "--recursive --dryrun --quiet --only-show-errors --no-progress --follow-symlinks --no-follow-symlinks --delete "
    "--exact-timestamps --size-only --debug --no-verify-ssl --no-paginate --no-sign-request --no-guess-mime-type "
    "--force-glacier-transfer --ignore-glacier-warnings --force --no-cli-pager --no-overwrite --human-readable"
)
_AWS = Output("", whole=True, flags=_AWS_FLAGS)
_AZ = Output(
    "-f --file --dest -d --destination --dest-path --destination-path", whole=True,
    flags="--no-progress --only-show-errors --debug --verbose --yes -y --help --recursive -r --dryrun",
)  # fmt: skip
_GOOGLE = Output(
    "--out-file --output-file --plaintext-file",
    "--project --zone --region --account --format -o --port --ssh-key-file --strict-host-key-checking --configuration "
    "-c --secret --ciphertext-file --key --keyring --location",
)
_AZCOPY = Output(
    "", "--overwrite --include-pattern --exclude-pattern --include-path --exclude-path --log-level --from-to"
)
_S3CMD = Output("", "-c --config --access_key --secret_key --region --host --exclude --include --rexclude --rinclude")
_S5CMD = Output("", "--endpoint-url --profile --credentials-file --exclude --include --concurrency -c --part-size -p")
_MINIO = Output("", "--version-id --vid --rewind --older-than --newer-than --enc-c --exclude --limit-download -C")
_GITHUB = Output("-O --output", "-p --pattern -R --repo -D --dir -A --archive", forced="--clobber")
_LXD = Output("", "--project")
CLIENTS: Mapping[str, tuple[Download, ...]] = {
    "aws": (
        Download(Pattern(r"s3 (?:cp|mv|sync)"), _AWS, copies=True, keeps=Pattern(r"--no-overwrite")),
        Download(Pattern(r"s3 .*|configure .*|history .*|logs tail .*|[a-z0-9-]+ wait .*"), Output("")),
        Download(Pattern(r"[a-z0-9-]+ [a-z0-9-]+"), _AWS._replace(last=3)),
    ),
    "gsutil": (
        Download(Pattern(r"cp|mv|rsync"), Output("", "-o -h -a -L -z -j -s -u -x -y"), copies=True,
                 keeps=_CLOBBERS_NOT),
    ),
    "gcloud": (
        Download(Pattern(r"(?:(?:alpha|beta) )?(?:storage (?:cp|mv|rsync)|compute scp)"), _GOOGLE, copies=True,
                 keeps=_CLOBBERS_NOT),
        Download(Pattern(r".*"), _GOOGLE),
    ),
    "az": (
        Download(Pattern(r"storage [a-z ]*download-batch"), _AZ._replace(options=""), folder="-d --destination",
                 keeps=Pattern(r"--overwrite=false|--dryrun")),
        Download(Pattern(r"keyvault .*download"), _AZ._replace(forced="--overwrite")),
        Download(Pattern(r"storage copy|.*download"), _AZ, keeps=Pattern(r"--overwrite=false")),
    ),
    "azcopy": (
        Download(Pattern(r"cp|copy|c|sync|s"), _AZCOPY, copies=True, keeps=Pattern(r"--overwrite=(?:false|prompt)")),
    ),
    **dict.fromkeys(("mc", "mcli"), (
        Download(Pattern(r"cp|mv|get"), _MINIO, copies=True, aliases=True),
        Download(Pattern(r"mirror"), _MINIO._replace(forced="--overwrite --remove"), copies=True, aliases=True),
    )),
    **dict.fromkeys(("s3cmd", "s4cmd"), (
        Download(Pattern(r"get"), _S3CMD._replace(forced="-f --force"), copies=True, keeps=_SKIPS),
        Download(Pattern(r"sync|dsync"), _S3CMD, copies=True, keeps=_SKIPS),
    )),
    "s5cmd": (Download(Pattern(r"cp|mv|sync"), _S5CMD, copies=True, keeps=_CLOBBERS_NOT),),
    "b2": (
        Download(Pattern(r"sync"), Output("", "--threads --exclude-regex --include-regex"), copies=True),
        Download(Pattern(r"download-file-by-(?:name|id)|file download"), Output("", last=4)),
        Download(Pattern(r"download-file"), Output("", last=3)),
    ),
    "oci": (
        Download(Pattern(r"os object get"), Output("--file", "-bn --bucket-name -ns --namespace --name", whole=True)),
    ),
    "openstack": (Download(Pattern(r"(?:object|image|volume backup) (?:save|export)"), Output("--file")),),
    "gh": (
        Download(Pattern(r"release download"), _GITHUB, folder="-D --dir", keeps=Pattern(r"--skip-existing")),
    ),
    "heroku": (Download(Pattern(r"(?:pg:)?backups:download"), Output("-o --output", "-a --app -r --remote")),),
    "wrangler": (Download(Pattern(r"r2 object get"), Output("-f --file", "-c --config -e --env")),),
    **dict.fromkeys(("lxc", "incus"), (Download(Pattern(r"file pull"), _LXD, copies=True),)),
}  # fmt: skip
_ELSEWHERE = Pattern(r"[a-zA-Z][a-zA-Z0-9+.-]+://|[\w.@-]+:(?!\\)")
_WHOLE_FOLDERS = ("--recursive", "-r", "-R", "--recurse")
MIRRORS = frozenset(("sync", "rsync", "mirror", "dsync"))
MIRROR_DELETES = ("--delete", "-d", "--delete-removed", "--remove", "--delete-destination", "--delete-after",
                  "--delete-unmatched-destination-objects")  # fmt: skip


def brought(command: Command, host: HostState, world: World) -> Outcome | None:
    """What it writes over on this host; None where it brings nothing here that is known."""
    for each in CLIENTS.get(command.program or "", ()):
        read = parsed(command.words[1:], each.how)
        begin = " ".join(word.text or "?" for word in read.operands)
        found = each.verb.match(begin)
        if found is not None and begin[found.end() : found.end() + 1] in ("", " "):
            return _judged(each, read, len(found[0].split(" ")), command, host, world)
    return None


def _judged(
    each: Download, read: Parsed, length: int, command: Command, host: HostState, world: World
) -> Outcome | None:
    ends = read.operands[length:]
    if each.copies and len(ends) == 1 and _elsewhere(ends[0]):
        ends = (*ends, Word(".", "."))  # s3cmd get URL
    if each.copies and (len(ends) < 2 or NOT_A_FILE.fullmatch(ends[-1].text or "") or _elsewhere(ends[-1])):
        return None
    if _leaves(each, read, command):
        return Outcome((), host)
    if each.copies:
        return _copied(each, read, ends, command, host, world)
    return _named(each, read, command, host, world)


def _elsewhere(word: Word) -> bool:
    return _ELSEWHERE.match(word.text or "") is not None


def _leaves(each: Download, read: Parsed, command: Command) -> bool:
    """Whether what is there stays: it is told so, or refuses without an option that is not given."""
    texts = [word.text or "" for word in command.words]
    given = (*texts, *map("=".join, pairwise(texts)))
    told = each.keeps is not None and any(map(each.keeps.fullmatch, given))
    return told or (each.how.forced != "" and read.flags.isdisjoint(each.how.forced.split()))


def _copied(
    each: Download, read: Parsed, ends: tuple[Word, ...], command: Command, host: HostState, world: World
) -> Outcome | None:
    mirrors = any(word.text in MIRRORS for word in read.operands[:3])
    if mirrors and deletes(command):
        from runaway_watchdog.effects.elsewhere import backups

        why = f"{command.program} deletes in it what the source does not have"
        return backups.gone(ends[-1:], why, of(command), command, host, world)
    whole = mirrors or bool(read.flags.intersection(_WHOLE_FOLDERS))
    names = [None] if whole else unpackers.last_names(ends[:-1])
    found = unpackers.fetched(names, ends[-1], command, host, world)
    return None if each.aliases and not found.effects and not found.unknown else found


def deletes(command: Command) -> bool:
    """Whether a mirror deletes at its target what its source does not have."""
    return any(name in MIRROR_DELETES and value != "false" for name, value in of(command).options)


def _named(each: Download, read: Parsed, command: Command, host: HostState, world: World) -> Outcome | None:
    """A file that an option or the last operand names, or a folder."""
    named = [word for _, word in read.values]
    if each.how.last and len(read.operands) >= each.how.last:
        named.append(read.operands[-1])
    named = [word for word in named if not NOT_A_FILE.fullmatch(word.text or "") and not _elsewhere(word)]
    if named:
        return overwritten(named, command, host, world, f"{command.program} writes over it")
    if not each.folder:
        return None
    folder = next((value for name, value in of(command, each.folder).options if name in each.folder.split()), ".")
    return unpackers.over(absolute(Word(folder, folder or ""), command), command, host, world)
