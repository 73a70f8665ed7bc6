"""Programs that take the files of a package, an account, a cluster or a certificate with them."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from runaway_watchdog.effects import HostState, Outcome, harmless
from runaway_watchdog.effects.arguments import of, read, shown
from runaway_watchdog.effects.host import places, texts
from runaway_watchdog.effects.host.losing import removed
from runaway_watchdog.effects.host.targets import existing
from runaway_watchdog.model.command import Command, Word
from runaway_watchdog.model.effect import LowRisk
from runaway_watchdog.world import World

APT_VALUED = "-t --target-release --default-release -o --option -c --config-file -a --host-architecture"
APT_ONLY_LOOKS = (
    "-s", "--simulate", "--just-print", "--dry-run", "--no-act", "--recon", "-d", "--download-only",
)  # fmt: skip
DPKG_INFO = "/var/lib/dpkg/info"
DATA = (
    ("postgresql", "/var/lib/postgresql"), ("mariadb-server", "/var/lib/mysql"), ("mysql-server", "/var/lib/mysql"),
    ("redis", "/var/lib/redis"), ("mongodb", "/var/lib/mongodb"), ("rabbitmq-server", "/var/lib/rabbitmq"),
    ("influxdb", "/var/lib/influxdb"), ("elasticsearch", "/var/lib/elasticsearch"), ("grafana", "/var/lib/grafana"),
    ("prometheus", "/var/lib/prometheus"), ("couchdb", "/var/lib/couchdb"), ("slapd", "/var/lib/ldap"),
    ("docker.io", "/var/lib/docker"), ("gitea", "/var/lib/gitea"), ("jenkins", "/var/lib/jenkins"),
)  # fmt: skip
"""What a package keeps its data in, by the start of the package's name: its purge takes it along, or asks whether."""
_UNIT = re.compile(r"(?:/usr)?/lib/systemd/system/(?P<unit>[^/@]+\.(?:service|socket|timer))")
LETSENCRYPT = ("/etc/letsencrypt/live", "/etc/letsencrypt/archive")


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family takes with it."""
    return _BY_PROGRAM[command.program or ""](command, host, world)


def _apt(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, APT_VALUED)
    verb = (words.texts or ("",))[0]
    simulated = words.has(*APT_ONLY_LOOKS)
    purges = verb == "purge" or (verb in ("remove", "autoremove") and words.has("--purge"))
    if simulated:
        return Outcome((), host)
    stopped = _stopped(words.operands[1:], command, host, world) if purges or verb == "remove" else Outcome((), host)
    if purges:
        return _both(stopped, _purged(words.operands[1:], command, stopped.host, world))
    return _both(stopped, harmless.effects(command, stopped.host, world))


def _dpkg(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "--root --admindir --instdir --log -D --debug")
    if words.has("--no-act", "--dry-run", "--simulate") or not words.has("-P", "--purge", "-r", "--remove"):
        return harmless.effects(command, host, world)
    stopped = _stopped(words.operands, command, host, world)
    if words.has("-P", "--purge"):
        return _both(stopped, _purged(words.operands, command, stopped.host, world))
    sentence = f"what else goes with the packages of `{shown(command)}` is not looked up"
    return _both(stopped, Outcome((), stopped.host, (LowRisk(sentence),)))


def _both(one: Outcome, other: Outcome) -> Outcome:
    return Outcome((*one.effects, *other.effects), other.host, (*one.unknown, *other.unknown))


def _stopped(packages: Sequence[Word], command: Command, host: HostState, world: World) -> Outcome:
    """The package's own scripts stop its services before its files go."""
    names = [(word.text or "").partition(":")[0] for word in packages]
    listed = [line for name in names if name for line in _info(name, "list", world)]
    units = dict.fromkeys(found["unit"] for line in listed if (found := _UNIT.fullmatch(line)))
    if not units:
        return Outcome((), host)
    from runaway_watchdog.effects.host import systemd

    words = ("systemctl", "stop", *units)
    return systemd.effects(command._replace(words=tuple(Word(each, each) for each in words)), host, world)


def _info(package: str, kind: str, world: World) -> list[str]:
    """What dpkg keeps of a package: its files (`list`), or its configuration (`conffiles`)."""
    names = [f"{DPKG_INFO}/{package}{architecture}.{kind}" for architecture in ("", ":amd64", ":arm64")]
    return [line for name in names for line in texts.read(name, world).split("\n") if line.startswith("/")]


def _purged(packages: Sequence[Word], command: Command, host: HostState, world: World) -> Outcome:
    """Their configuration goes, and what they keep; what else their own scripts take along is only known then."""
    paths: dict[str, None] = {}
    unknown = [f"which packages `{shown(command)}` purges is only known when it runs"] if not packages else []
    for word in packages:
        if word.text is None or word.globbing or set(word.text) & set("*?^+"):
            unknown.append(f"which packages {word.raw} stands for is not looked up")
            continue
        found = _of_package(word.text.partition(":")[0], world)
        paths |= dict.fromkeys(found or ())
        if found is None or found:
            unknown.append(f"what else goes with the package {word.text} is not looked up")
    return _gone(paths, "it goes with its package", command, host, world, unknown)


def _of_package(package: str, world: World) -> list[str] | None:
    """Its configuration files, and its data; none where it was never installed, None where that is not known."""
    there = any(world.files.exists(f"{DPKG_INFO}/{package}{kind}.list") for kind in ("", ":amd64", ":arm64"))
    if not there and not world.files.exists(DPKG_INFO):
        return None
    listed = _info(package, "conffiles", world)
    data = [folder for start, folder in DATA if package.startswith(start) and world.files.exists(folder)]
    return [*listed, *data, *([f"/etc/{package}"] if there and world.files.exists(f"/etc/{package}") else [])]


def _gone(
    paths: Iterable[str], why: str, command: Command, host: HostState, world: World, unknown: Iterable[str] = ()
) -> Outcome:
    targets = existing([Word(path, path) for path in paths], command, places.tree(host, world))
    found, host = removed(targets.found, why, host, world)
    return Outcome(found, host, (*unknown, *targets.unknown))


def _userdel(command: Command, host: HostState, world: World) -> Outcome:
    """userdel -r and deluser --remove-home take the home; without, the files stay and belong to nobody."""
    words = of(command, "-R --root -P --prefix -Z --backup-to")
    if words.has("--remove-all-files"):
        return Outcome((), host, (f"which files `{shown(command)}` deletes on all of this host is not looked up",))
    if not words.has("-r", "--remove", "--remove-home"):
        return Outcome((), host)
    if not words.complete:
        return Outcome((), host, (f"whose home `{shown(command)}` deletes is only known when it runs",))
    homes = [home for name, home in _homes(world) if name in words.texts[:1]]
    mail = [f"/var/mail/{name}" for name in words.texts[:1]]
    return _gone([*homes, *mail], "it goes with the account", command, host, world)


def _homes(world: World) -> list[tuple[str, str]]:
    rows = (line.split(":") for line in texts.read("/etc/passwd", world).split("\n"))
    return [(row[0], row[5]) for row in rows if len(row) > 5 and row[5] not in ("", "/")]


def _cluster(command: Command, host: HostState, world: World) -> Outcome:
    """pg_dropcluster VERSION NAME: its data and its configuration."""
    words = of(command)
    if len(words.operands) < 2 or not words.complete:
        return Outcome((), host, (f"which cluster `{shown(command)}` drops is only known when it runs",))
    version, name = words.texts[:2]
    folders = (f"/var/lib/postgresql/{version}/{name}", f"/etc/postgresql/{version}/{name}")
    return _gone(folders, "it goes with its cluster", command, host, world)


def _certbot(command: Command, host: HostState, world: World) -> Outcome:
    words = of(command, "--cert-name -d --domains --config-dir --work-dir --logs-dir -m --email -w --webroot-path")
    verb = (words.texts or ("",))[0]
    if verb != "delete" and not (verb == "revoke" and not words.has("--no-delete-after-revoke")):
        return harmless.effects(command, host, world)
    name = words.value("--cert-name") or words.value("-d", "--domains")
    if name is None:
        return Outcome((), host, (f"which certificate `{shown(command)}` deletes is only known when it runs",))
    return _gone([f"{folder}/{name}" for folder in LETSENCRYPT], "it goes with its certificate", command, host, world)


def _snap(command: Command, host: HostState, world: World) -> Outcome:
    """snap remove keeps a snapshot of the data for a month; with --purge it does not."""
    words = read(command.words[1:], "--revision --channel")
    if (words.texts or ("",))[0] not in ("remove", "forget") or not words.has("--purge"):
        return harmless.effects(command, host, world)
    if not words.complete:
        return Outcome((), host, (f"which snaps `{shown(command)}` removes is only known when it runs",))
    folders = [f"{folder}/{name}" for name in words.texts[1:] for folder in ("/var/snap", "/root/snap")]
    return _gone(folders, "it goes with its snap", command, host, world)


def _logrotate(command: Command, host: HostState, world: World) -> Outcome:  # noqa: ARG001
    """Rotating now may push the oldest logs out; -d only tells what it would do."""
    words = of(command, "-s --state -m --mail -l --log")
    if words.has("-d", "--debug", "--version", "--help", "-?"):
        return Outcome((), host)
    return Outcome((), host, (f"which of the oldest logs `{shown(command)}` deletes is not looked up",))


_BY_PROGRAM: Mapping[str, Callable[[Command, HostState, World], Outcome]] = {
    "apt": _apt, "apt-get": _apt, "aptitude": _apt, "dpkg": _dpkg, "userdel": _userdel, "deluser": _userdel,
    "pg_dropcluster": _cluster, "certbot": _certbot, "snap": _snap, "logrotate": _logrotate,
}  # fmt: skip
