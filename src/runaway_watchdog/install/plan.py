"""From what the host is to what it shall be: the steps, decided here and nowhere else. Pure.

What is so already is told as such, so that a second run is as safe as it is silent.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from runaway_watchdog.install import helpers, host as places
from runaway_watchdog.install.helpers import removed, removed_folder, text_file
from runaway_watchdog.install.host import HostSurvey
from runaway_watchdog.install.steps import (
    Already,
    Do,
    MakeFolder,
    MakeLink,
    Note,
    RemoveFile,
    RemoveFiles,
    RunProgram,
    Step,
    WriteFile,
)
from runaway_watchdog.install.unit import METRICS, NAME, UnitState, systemctl

_DEBIANS_WATCHDOG = "/usr/sbin/watchdog"

# The store, what SQLite keeps beside it while it is open, and the lock of the one watch that writes it.
_STATE_FILES = ("watchdog.db", "watchdog.db-wal", "watchdog.db-shm", "watchdog.db-journal", "watchdog.db.lock")


_HELPS = {
    places.BASH_COMPLETION: "completions of bash",
    places.ZSH_COMPLETION: "completions of zsh",
    places.MANUAL: "the manual page",
}


class Shipped(NamedTuple):
    """The texts that come with the package, or are made from it."""

    unit: str
    helpers: tuple[str, ...]  # as shipped.HELPER_UNITS
    metrics: str
    sysusers: str
    config: str
    helps: Mapping[str, str] = MappingProxyType({})  # by path: completions and the manual page


class RefusedError(Exception):
    """The host forbids it; the message says what, and the mend."""


def install(host: HostSurvey, shipped: Shipped, *, metrics: bool = False) -> tuple[Step, ...]:
    """Everything from the user to the running service; with `metrics` also to the one that answers Prometheus.

    Who has that one from an earlier run keeps it up to date, and off where it was switched off. Raises RefusedError.
    """
    _refuse_masked(NAME, host.unit)
    unit_files = (*_unit(host, shipped.unit), *helpers.install(host, shipped.helpers))
    metrics_files = tuple(_metrics(host, shipped.metrics, asked=metrics))
    return (
        *_user(host, shipped.sysusers),
        *_config(host, shipped.config),
        *unit_files,
        *_commands(host),
        *(text_file(host, path, text, _HELPS[path]) for path, text in shipped.helps.items()),
        *metrics_files,
        *_read_again(host, (*unit_files, *metrics_files)),
        *_service(host, NAME, host.unit, changed=_any_done(unit_files)),
        *_metrics_service(host, asked=metrics, changed=_any_done(metrics_files)),
    )


def _refuse_masked(name: str, state: UnitState | None) -> None:
    if state is not None and state.file.startswith("masked"):
        raise RefusedError(f"{name} is masked on this host; to allow it: systemctl unmask {name}")


def _user(host: HostSurvey, text: str) -> Iterator[Step]:
    yield text_file(host, places.SYSUSERS, text, "the service's user, for systemd-sysusers")
    if host.account is None:
        yield Do(f"make the user {places.USER}", RunProgram(("systemd-sysusers", places.SYSUSERS), 20))
    else:
        yield Already(f"user {places.USER} (uid {host.account.uid})")


def _config(host: HostSurvey, sample: str) -> Iterator[Step]:
    if places.CONFIG_FOLDER not in host.listings:
        yield Do(f"make {places.CONFIG_FOLDER}", MakeFolder(places.CONFIG_FOLDER, 0o755))
    if _has(host, places.CONFIG):
        yield Already(f"{places.CONFIG}: yours, and it stays as it is")
    else:
        # Readable for root alone: alert channels carry passwords. The unit has it read with root's rights.
        yield Do(
            f"write {places.CONFIG} (the sample: every key with its default)", WriteFile(places.CONFIG, sample, 0o600)
        )


def _unit(host: HostSurvey, template: str) -> Iterator[Step]:
    if any(character in host.program for character in " \t\n\"'\\%$;@"):
        raise RefusedError(
            f"{host.program}: a unit cannot name a path with such characters; install it into /opt/runaway-watchdog"
        )
    yield text_file(host, places.UNIT, template.replace(helpers.PLACEHOLDER, host.program), "the service")


def _metrics(host: HostSurvey, template: str, *, asked: bool) -> Iterator[Step]:
    found = host.texts.get(places.METRICS_UNIT)
    if asked:
        _refuse_masked(METRICS, host.metrics)
        if found and not _has_our_metrics(host):
            raise RefusedError(
                f"{places.METRICS_UNIT} was not written by `install --metrics`: move it away, and put what it changes "
                f"into a drop-in (systemctl edit {METRICS})"
            )
    elif not _has_our_metrics(host):
        if found:
            yield Note(f"{places.METRICS_UNIT} was not written by `install --metrics`, and stays as it is")
        return
    text = template.replace(helpers.PLACEHOLDER, host.program)
    yield text_file(host, places.METRICS_UNIT, text, "metrics for Prometheus, on http://127.0.0.1:9764/metrics")
    if changing := host.listings.get(places.METRICS_DROP_INS):
        yield Note(f"{places.METRICS_DROP_INS} changes that: {', '.join(changing[:5])}")
    elif host.store is not None:
        yield Note(
            f"the history is at {host.store}, and {METRICS} cannot read the configuration that says so: "
            f"the head of {places.METRICS_UNIT} tells what to do"
        )


def _has_our_metrics(host: HostSurvey) -> bool:
    """A unit that an earlier run wrote; not somebody's own of the same name, nor a mask (a link to /dev/null)."""
    return host.texts.get(places.METRICS_UNIT, "").startswith(places.WRITTEN_BY_US)


def _metrics_service(host: HostSurvey, *, asked: bool, changed: bool) -> Iterator[Step]:
    if asked:
        yield from _service(host, METRICS, host.metrics, changed=changed)
    elif _has_our_metrics(host):
        if host.metrics is not None and host.metrics.active == "active":
            yield _running(host, METRICS, host.metrics, changed=changed)
        else:
            yield Already(f"{METRICS} is switched off, and stays so; to have it: install --metrics")


def _commands(host: HostSurvey) -> Iterator[Step]:
    for name in places.COMMANDS:
        path, target = f"{places.LINK_FOLDER}/{name}", host.program.removesuffix("runaway-watchdog") + name
        other = host.other_watchdog if name == "watchdog" else None
        if other is not None:
            yield Note(_somebody_else(other))
        if path == target or host.links.get(name) == target:
            yield Already(f"{path} leads to {target}")
        elif other is not None:
            continue
        elif name not in host.links:
            yield Do(f"link {path} to {target}", MakeLink(path, target))
        elif _is_ours(host.links[name], name):
            yield Do(f"link {path} to {target} (it led to {host.links[name]})", MakeLink(path, target))
        else:
            yield Note(f"{path} is not ours and stays; our command is {target}")


def _is_ours(target: str | None, name: str) -> bool:
    """An older installation's link: it leads to our command in some virtual environment."""
    return target is not None and target.endswith(f"/bin/{name}") and "runaway-watchdog" in target


def _somebody_else(path: str) -> str:
    danger = " It is Debian's watchdog daemon, which can reboot the host!" if path == _DEBIANS_WATCHDOG else ""
    return f"the command `watchdog` is another program here ({path}).{danger} Ours is `runaway-watchdog`"


def _any_done(steps: Iterable[Step]) -> bool:
    return any(isinstance(step, Do) for step in steps)


def _read_again(host: HostSurvey, unit_files: Iterable[Step]) -> Iterator[Step]:
    if _any_done(unit_files) or any(state is not None and state.needs_reload for state in (host.unit, host.metrics)):
        yield Do("let systemd read the units again", systemctl("daemon-reload"))


def _service(host: HostSurvey, name: str, found: UnitState | None, *, changed: bool) -> Iterator[Step]:
    state = found or UnitState()
    if state.file == "enabled":
        yield Already(f"{name} is enabled: it starts with the host")
    else:
        yield Do(f"enable {name}: it starts with the host", systemctl("enable", name))
    if state.active != "active":
        # A unit between two attempts of a broken program would take `start` for done.
        yield Do(f"start {name}", systemctl("restart" if state.active == "activating" else "start", name))
    else:
        yield _running(host, name, state, changed=changed)


def _running(host: HostSurvey, name: str, state: UnitState, *, changed: bool) -> Step:
    if changed or state.needs_reload:
        return Do(f"restart {name}, since its unit has changed", systemctl("restart", name))
    if state.started_at is not None and state.started_at < host.installed_at:
        return Do(f"restart {name}, since the program is newer than what runs", systemctl("restart", name))
    return Already(f"{name} is running (PID {state.main_pid})")


def uninstall(host: HostSurvey, *, purge: bool) -> tuple[Step, ...]:
    """Remove the services and their files. Configuration, history and user stay, or go too with `purge`."""
    steps = (
        *_stop(NAME, host.unit),
        *helpers.stop(host),
        *_stop_metrics(host),
        *_remove_units(host),
        *_remove_commands(host),
    )
    steps = (*steps, *(step for path in (*places.HELPS, places.SYSUSERS) for step in removed(host, path)))
    data = (*_purge_config(host), *_purge_state(host), *_purge_user(host)) if purge else _kept(host)
    return (*steps, *data, *_program_stays(host))


def _stop(name: str, state: UnitState | None) -> Iterator[Step]:
    if state is None or state.load == "not-found":
        yield Already(f"{name} is not there")
        return
    if state.active not in ("inactive", "failed"):
        yield Do(f"stop {name}", systemctl("stop", name))
    if state.file == "enabled":
        yield Do(f"disable {name}", systemctl("disable", name))
    if state.active == "failed":
        yield Do(f"let systemd forget that {name} failed", systemctl("reset-failed", name))


def _stop_metrics(host: HostSurvey) -> Iterator[Step]:
    """Whoever wrote its unit: it would go on answering from a program that is gone."""
    if host.metrics is not None and host.metrics.load not in ("not-found", "masked"):
        yield from _stop(METRICS, host.metrics)


def _remove_units(host: HostSurvey) -> Iterator[Step]:
    removals = (*helpers.remove(host), *removed(host, places.UNIT))
    removals = (*removals, *removed_folder(host, places.METRICS_DROP_INS, ()))
    if _has_our_metrics(host):
        removals = (*removals, *removed(host, places.METRICS_UNIT))
    elif host.texts.get(places.METRICS_UNIT):
        removals = (*removals, Note(f"kept: {places.METRICS_UNIT}, which `install --metrics` did not write"))
    yield from removals
    if host.unit is not None and _any_done(removals):
        yield Do("let systemd read the units again", systemctl("daemon-reload"))
    yield from helpers.remove_handover(host)


def _remove_commands(host: HostSurvey) -> Iterator[Step]:
    for name, target in host.links.items():
        path = f"{places.LINK_FOLDER}/{name}"
        if target == host.program.removesuffix("runaway-watchdog") + name or _is_ours(target, name):
            yield Do(f"remove {path}", RemoveFile(path))


def _kept(host: HostSurvey) -> Iterator[Step]:
    if _has(host, places.CONFIG):
        yield Note(f"kept: the configuration, {places.CONFIG}")
    if places.STATE_FOLDER in host.listings:
        yield Note(f"kept: the history, {places.STATE_FOLDER}")
    if host.account is not None:
        yield Note(f"kept: the user {places.USER}, to whom the history belongs")
        yield Note(f"to remove these too: {shlex.quote(host.program)} uninstall --purge")


def _purge_config(host: HostSurvey) -> Iterator[Step]:
    if _has(host, places.CONFIG):
        yield Do(f"remove {places.CONFIG}", RemoveFile(places.CONFIG))
    yield from removed_folder(host, places.CONFIG_FOLDER, {"config.toml"})


def _purge_state(host: HostSurvey) -> Iterator[Step]:
    if any(name in _STATE_FILES for name in host.listings.get(places.STATE_FOLDER, ())):
        # All of them, whichever are there now: stopping the service makes some of them come and go.
        yield Do(
            f"remove the history, {places.STATE_FOLDER}/watchdog.db", RemoveFiles(places.STATE_FOLDER, _STATE_FILES)
        )
    yield from removed_folder(host, places.STATE_FOLDER, _STATE_FILES)


def _purge_user(host: HostSurvey) -> Iterator[Step]:
    if host.account is None:
        return
    if host.account.home != places.STATE_FOLDER:
        yield Note(f"kept: the user {places.USER}; its home {host.account.home} shows that we did not make it")
    elif set(host.listings.get(places.STATE_FOLDER, ())) - set(_STATE_FILES):
        yield Note(f"kept: the user {places.USER}, to whom the rest of {places.STATE_FOLDER} belongs")
    else:
        yield Do(f"remove the user {places.USER}", RunProgram(("userdel", places.USER), 20))


def _program_stays(host: HostSurvey) -> Iterator[Step]:
    folder = host.program.removesuffix("/bin/runaway-watchdog")
    if folder == "/opt/runaway-watchdog":
        yield Note(f"kept: the program, in {folder}; `make uninstall` or `apt-get remove` removes it too")
    else:
        yield Note(f"kept: the program, {shlex.quote(host.program)}; pip uninstall removes it")


def _has(host: HostSurvey, path: str) -> bool:
    folder, name = path.rsplit("/", 1)
    return name in host.listings.get(folder, ())
