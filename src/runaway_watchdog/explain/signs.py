"""Signs of an intruder's program, read without running anything. Evidence, never a verdict.

Most have harmless reasons (an upgrade leaves deleted programs, runc runs from a memfd, a test runs from /tmp), so the
word is used only where two of different kinds meet (`model.casefile.suspicious`). What costs a look around the host is
asked only of a process that is odd already, or that nobody manages.
"""

from collections.abc import Iterator, Sequence

from runaway_watchdog.explain.mining import mining
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux import mounts
from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.masking import mask_text
from runaway_watchdog.model.casefile import History, Sign, SignKind
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners import KINDS
from runaway_watchdog.owners.common.shells import base
from runaway_watchdog.owners.interface import Owner
from runaway_watchdog.owners.shell_loop import INTERPRETERS, script
from runaway_watchdog.patterns import Pattern
from runaway_watchdog.world import Files, World, processes, procfs

DELETED = " (deleted)"
TEMPORARY = ("/tmp/", "/var/tmp/", "/dev/shm/", "/run/shm/")  # noqa: S108 - looked for, not written to
RUNC = Pattern(r"/memfd:runc_cloned:.*|/.*/runc(?: \(deleted\))?")
APP_IMAGE = Pattern(r"(?P<mount>/tmp/\.mount_[^/]{1,40})/.*")
"""It runs from where it mounted itself."""
SYSTEM = ("/usr/", "/etc/", "/dev/", "/bin/", "/sbin/", "/lib/")
HOMES = ("/root/", "/home/")
TOOLS = Pattern(
    r"\.(?:pnpm|bin|cache|prisma|venv|virtualenv|virtualenvs|tox|nox|next|nuxt|local|nvm|fnm|volta|"
    r"npm|npm-global|yarn|bun|deno|node|config|cargo|rustup|rbenv|rvm|gem|pyenv|poetry|rye|"
    r"asdf|mise|sdkman|jdks|vscode-server|vscode|cursor-server|cursor|windsurf-server|dotnet|"
    r"gradle|m2|terraform|docker|linuxbrew|nix-profile|claude|opencode|foundry|steam|wine)"
)
"""Hidden folders in which tools keep programs."""
DOT_CONFIG = Pattern(r".*/\.config/(?!(?:nvm|yarn|composer|herd|google-chrome|chromium)/).*")
KERNEL_NAME = Pattern(
    r"\[?(?:kworker/\S*|ksoftirqd/\d+|kswapd\d+|kthreadd\w*|kdevtmpfs\w*|kcompactd\d+|migration/\d+|khugepaged"
    r"|rcu_(?:sched|bh|preempt|gp|par_gp|tasks_\w+)|kblockd|kintegrityd|ksmd|oom_reaper|jbd2/\S*|xfsaild/\S*)\]?"
)
IN_BRACKETS = Pattern(r"\[[a-z_][\w/:.-]*+\]")
SERVERS = Pattern(
    r"postgres(?:ql)?|(?:redis|valkey|keydb)-(?:server|check-rdb)|mysqld|mariadbd|mongod|memcached|nginx|apache2|httpd"
    r"|php-fpm[\d.]*"
)
SERVER_USERS = frozenset({"postgres", "redis", "mysql", "mongodb", "memcache", "www-data", "nginx", "apache", "tomcat"})
PRELOADED = Pattern(
    r"(?:/usr)?/lib(?:64)?/(?:\S+/)?lib(?P<stem>jemalloc|tcmalloc|mimalloc|eatmydata|snoopy|faketime|proxychains)\S*"
)
"""Libraries of packages that are made for being forced into programs."""
AGENTS = Pattern(r"/opt/(?:datadog|dynatrace|newrelic|sentinelone)\S*")
"""They install themselves, and no package says so: their folder is believed, which takes one sign away."""
DOWNLOAD = Pattern(
    r"(?:curl|wget|fetch)\b[^\n]{0,300}(?:\|\s{0,20}(?:/\S{0,200}/)?(?:ba|da|z)?sh\b|(?:ba|da|z)?sh\s+/tmp/|chmod\s+\+x)"
    r"|base64\s+(?:-d|--decode)[^\n]{0,100}\|\s{0,20}(?:/\S{0,200}/)?(?:ba|da|z)?sh\b"
)
CRON_FILES = ("/etc/crontab", "/etc/rc.local")
CRON_FOLDERS = ("/etc/cron.d", "/var/spool/cron/crontabs", "/var/spool/cron")
MOST_FILES = 200
MOST_LISTS = 8


def signs(world: World, facts: Facts, owners: Sequence[Owner], history: History) -> tuple[Sign, ...]:
    """Every sign that was found, in no order of weight; none for a process that gives no reason to look."""
    own = tuple(_own(world.files, facts))
    alone = not KINDS[owners[-1].kind].starts
    if not own and not alone:
        return ()
    found = [*own, *_no_keeper(owners[0], history), *_hidden(world.files, facts.process)]
    found += [*_preload(world.files, facts.process), *_downloads(world.files), *_watchdogs(world.files, facts)]
    if own:
        from runaway_watchdog.explain.doors import doors, of_host  # what few need

        found += [*doors(world, owners), *of_host(world, facts.process)]
    return tuple(found)


def _own(files: Files, facts: Facts) -> Iterator[Sign]:
    """What the process itself shows."""
    process = facts.process
    if process.kernel_thread or process.exe is None:
        return
    evidence = f"/proc/{process.pid}/exe -> {clean(process.exe, 200)}"
    if (told := _program_file(files, process)) is not None:
        yield Sign("program-file", told, evidence)
        yield from _below_a_server(facts)
    names = (process.name, process.cmdline[0] if process.cmdline else "")
    for pattern in (KERNEL_NAME, IN_BRACKETS):
        if (name := next(filter(pattern.fullmatch, names), None)) is not None:
            told = f"it calls itself {clean(name, 40)}, as a kernel thread does, and is none"
            kind: SignKind = "posing" if pattern is KERNEL_NAME else "brackets"
            yield Sign(kind, told, f"{evidence}; no PF_KTHREAD in /proc/{process.pid}/stat")
            break
    yield from mining(process)


def _below_a_server(facts: Facts) -> Iterator[Sign]:
    """A program that lies where no program should, and that a server started, or that runs as a server's user."""
    server = next((each for each in facts.ancestors if SERVERS.fullmatch(base(each.exe)) or _next(each)), None)
    if server is not None:
        told = f"it was started by {clean(server.name, 20)} ({server.pid}), a server"
        yield Sign("server", told, f"/proc/{server.pid}/exe -> {clean(server.exe or '', 120)}")
    elif facts.process.user in SERVER_USERS:
        yield Sign(
            "server", f"it runs as {facts.process.user}, a server's user", f"Uid in /proc/{facts.process.pid}/status"
        )


def _next(process: Process) -> bool:
    """Next.js in production, which starts no programs of its own."""
    return base(process.exe) in ("node", "nodejs") and process.name.startswith("next-server")


def _program_file(files: Files, process: Process) -> str | None:
    exe = process.exe or ""
    path = exe.removesuffix(DELETED)
    if RUNC.fullmatch(exe):
        return None
    if _is_app_image(files, process.pid, path):
        return None
    if path.startswith("/memfd:"):
        return "its program is in no file at all, only in memory (memfd)"
    if path.startswith(TEMPORARY):
        return (
            f"its program {'was deleted, and lay' if exe.endswith(DELETED) else 'lies'} in a folder for temporary files"
        )
    if INTERPRETERS.fullmatch(base(path)) and (run := _script_of(process)).startswith(TEMPORARY):
        return f"its script, {clean(run, 80)}, lies in a folder for temporary files"
    if _is_hidden(path):
        return "its program lies in a hidden file or folder"
    # An upgrade puts a new file in its place.
    if exe.endswith(DELETED) and not files.exists(f"{procfs.PROC}/{process.pid}/root{path}"):
        return "its program's file was deleted, and no new one is in its place"
    return None


def _is_app_image(files: Files, pid: int, path: str) -> bool:
    """Its folder is a file system of its own, which the image's own runtime mounted (FUSE); a name is no mount."""
    found = APP_IMAGE.fullmatch(path)
    return found is not None and any(
        each.target == found["mount"] and each.kind.startswith("fuse")
        for each in mounts.parse(_text(files, f"{procfs.PROC}/{pid}/mounts"))
    )


def _is_hidden(path: str) -> bool:
    """Where no tool keeps its programs."""
    dotted = [part for part in path.split("/") if part.startswith(".")]
    unusual = any(TOOLS.fullmatch(part) is None for part in dotted) or DOT_CONFIG.fullmatch(path) is not None
    return path.startswith((*SYSTEM, *HOMES)) and bool(dotted) and unusual


def _script_of(process: Process) -> str:
    """What an interpreter runs: its first argument that is no option; "" for none."""
    return next((word for word in process.cmdline[1:4] if not word.startswith("-")), "")


def _no_keeper(owner: Owner, history: History) -> Iterator[Sign]:
    if not KINDS[owner.kind].starts and history.returns_seen >= 2:
        told = f"it came back {history.returns_seen} times, and nothing that would start it was found"
        yield Sign("no-keeper", told, "the watch's own record of deaths and returns")


def _hidden(files: Files, process: Process) -> Iterator[Sign]:
    try:
        listed = str(process.pid) in files.names(procfs.PROC) or not files.exists(f"{procfs.PROC}/{process.pid}/stat")
    except OSError:
        return
    if not listed:
        told = "it is hidden: /proc does not list it, and yet it is there"
        yield Sign("hidden", told, f"readdir of /proc lacks {process.pid}; /proc/{process.pid}/stat opens")


def _preload(files: Files, process: Process) -> Iterator[Sign]:
    path = f"{procfs.PROC}/{process.pid}/root/etc/ld.so.preload"
    lines = [line for line in lines_of(_text(files, path)) if line.strip() and not line.startswith("#")]
    root = f"{procfs.PROC}/{process.pid}/root"
    unknown = [
        line for line in lines if not all(_is_packaged(files, root, each) for each in line.replace(":", " ").split())
    ]
    if unknown:
        told = "a library is forced into every program (/etc/ld.so.preload): such a one can hide processes and files"
        yield Sign("preload", told, f"/etc/ld.so.preload: {clean(unknown[0], 120)}")


def _is_packaged(files: Files, root: str, path: str) -> bool:
    """Whether a package that is made for it brought the library, by dpkg's own lists: a name alone is anybody's."""
    if AGENTS.fullmatch(path):
        return True
    found = PRELOADED.fullmatch(path)
    if found is None:
        return False
    folder, wanted = f"{root}/var/lib/dpkg/info", {path, path.removeprefix("/usr")}
    try:
        names = [each for each in files.names(folder) if found["stem"] in each and each.endswith(".list")]
    except OSError:
        return False
    return any(not wanted.isdisjoint(lines_of(_text(files, f"{folder}/{each}"))) for each in names[:MOST_LISTS])


def _downloads(files: Files) -> Iterator[Sign]:
    """A line of cron or rc.local that fetches something and runs it: the next infection."""
    paths = list(CRON_FILES)
    for folder in CRON_FOLDERS:
        try:
            paths += [f"{folder}/{name}" for name in sorted(files.names(folder))[:MOST_FILES]]
        except OSError:
            continue
    for path in paths:
        for line in lines_of(_text(files, path)):
            if not line.lstrip().startswith("#") and DOWNLOAD.search(line[:2000]):
                told = "a scheduled line downloads something and runs it"
                yield Sign("download", told, f"{clean(path, 120)}: {clean(mask_text(line), 160)}", path=path)
                return


def _watchdogs(files: Files, facts: Facts) -> Iterator[Sign]:
    """Two running scripts that name each other, one of which names this program or is its parent."""
    try:
        running = processes.with_arguments(files, _runs_a_script)
    except OSError:  # /proc may not be listed: no sign is worth the explanation
        return
    scripts = {each.pid: (_words(each.arguments)[-1], script(files, each.pid) or "") for each in running}
    line = {facts.process.pid, *(each.pid for each in facts.ancestors)}
    mine = {base(facts.process.exe), *(base(word) for word in facts.process.cmdline[:2])} - {"", "sh", "bash", "dash"}
    for pid, (name, text) in scripts.items():
        for other, (other_name, other_text) in scripts.items():
            about = pid in line or any(word in text for word in mine)
            if pid != other and name != other_name and about and other_name in text and name in other_text:
                pair = f"{clean(name, 40)} ({pid}) and {clean(other_name, 40)} ({other})"
                told = f"two scripts start each other again: {pair}"
                yield Sign("watchdogs", told, f"the text of both, as /proc/{pid}/fd shows it")
                return


def _runs_a_script(arguments: tuple[str, ...]) -> bool:
    words = _words(arguments)
    return len(words) > 1 and words[0] in ("sh", "bash", "dash", "ash", "busybox")


def _words(arguments: tuple[str, ...]) -> list[str]:
    """The program and its first operands, without their folders."""
    return [base(word) for word in arguments[:3] if not word.startswith("-")]


def _text(files: Files, path: str) -> str:
    """A plain file's text; "" for anything else."""
    try:
        return files.read(path) if files.status(path)[0] == "file" else ""
    except OSError:
        return ""
