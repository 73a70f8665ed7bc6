"""Does it work here? A short harmless burn, followed through detection and explanation to an alert in the journal.

A second watch is started for it, in the service's own confinement, as the service's own user, with a window of two
seconds: the service's rules wait for minutes. It has a store of its own, which is gone with it, no channel but the
journal, and copies of the units that explain and send. The burn runs at the lowest priority. Watch and burn are units
of systemd that end by themselves in any case.
"""

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

from runaway_watchdog.hostile import clean
from runaway_watchdog.install.execute import StepError, perform
from runaway_watchdog.install.steps import Action, RemoveFile, RemoveFiles, RemoveFolder, RunProgram, WriteFile
from runaway_watchdog.install.unit import Runner
from runaway_watchdog.starting import ANSWERS, CHANNELS, CONFIGURATION
from runaway_watchdog.store import outbox, queries
from runaway_watchdog.store.database import StoreUnavailable, reading

LIMIT_S: Final = 30.0
WINDOW_S: Final = 2
RULE: Final = "self-test"
BURN: Final = "runaway-watchdog-burn"
WATCH: Final = "runaway-watchdog-selftest"
UNITS: Final = "/run/systemd/system"
HANDOVER: Final = f"/run/{WATCH}-handover"
CONFIG: Final = f"/run/{WATCH}.toml"
STORE: Final = f"/run/{WATCH}/watchdog.db"

_ENDS_S: Final = 60  # whatever becomes of whoever started them
_BURN: Final = f"""\
[Unit]
Description=The self-test of runaway-watchdog: uses a core for seconds, and ends by itself
[Service]
ExecStart=/bin/sh -c "while :; do :; done" {BURN}
User=runaway-watchdog
Nice=19
CPUWeight=1
RuntimeMaxSec={_ENDS_S}
ProtectSystem=strict
PrivateNetwork=yes
NoNewPrivileges=yes
"""
_CONFIG: Final = f"""\
[sampling]
interval = "0.5s"
[[rule]]
name = "{RULE}"
cpu = 50
for = "{WINDOW_S}s"
severity = "warning"
cmdline = "*{BURN}"
[store]
path = "{STORE}"
"""


class SelfTestResult(NamedTuple):
    """How far it came, each in seconds since the burn began; None: not within the limit."""

    found_s: float | None = None
    explained_s: float | None = None
    owner: str = ""  # as the explanation names it: the burn's own unit, where it is right
    told_s: float | None = None
    problem: str = ""  # it could not even be started

    @property
    def passed(self) -> bool:
        return self.told_s is not None and self.owner == f"{BURN}.service"


def run(templates: Mapping[str, str], program: str, drop_ins: Mapping[str, str], runner: Runner) -> SelfTestResult:
    """Takes some five seconds, at most LIMIT_S.

    `templates` are the shipped units by name, `drop_ins` ours of the installed ones, by their path below the units'
    folder. Nothing is left of it, whatever happens.
    """
    try:
        with _running(_files(templates, program, drop_ins), runner):
            return follow(_look, time.monotonic, time.sleep)
    except StepError as fault:
        return SelfTestResult(problem=str(fault))


def unit(template: str, program: str) -> str:
    """A shipped unit, beside the service: without its state, not started again, for a short time, all under one name.

    What explains and sends finds the history of the self-test in the second watch's folder in /run.
    """
    text = template.split("\n[Install]\n", maxsplit=1)[0]
    text = re.sub(r"(?m)^(StateDirectoryMode|Restart\w*)=.*\n", "", text)
    text = re.sub(r"(?m)^InaccessiblePaths=.* -/run/runaway-watchdog .*\n", "", text)
    text = re.sub(r"(?m)^(?!#|User=|SocketUser=).*", lambda line: line[0].replace("runaway-watchdog", WATCH), text)
    instead = f"ReadWritePaths=/run/{WATCH}" if "\nStandardInput=socket\n" in text else f"RuntimeMaxSec={_ENDS_S}"
    text = re.sub(r"(?m)^StateDirectory=.*", instead, text)
    text = text.replace("@PROGRAM@ run --hand-over", f"@PROGRAM@ run --config {CONFIG} --hand-over")
    return text.replace("@PROGRAM@", program)


def _files(templates: Mapping[str, str], program: str, drop_ins: Mapping[str, str]) -> dict[str, str]:
    def ours(name: str) -> str:
        return f"{UNITS}/{name.replace('runaway-watchdog', WATCH, 1)}"

    return {
        CONFIG: _CONFIG,
        f"{UNITS}/{BURN}.service": _BURN,
        **{ours(name): unit(text, program) for name, text in templates.items()},
        **{ours(name): text for name, text in drop_ins.items()},
    }


@contextmanager
def _running(files: dict[str, str], runner: Runner) -> Iterator[None]:
    """Both units, while it lasts. Raises StepError where they do not start."""
    names = (f"{WATCH}.service", f"{BURN}.service")
    sockets = (each.rpartition("/")[2] for each in files if each.endswith(".socket"))
    reload = RunProgram(("systemctl", "daemon-reload"), 20)
    try:
        for path, text in files.items():
            perform(WriteFile(path, text, 0o644), runner)
        perform(reload, runner)
        for name in names:
            perform(RunProgram(("systemctl", "start", name), int(LIMIT_S)), runner)
        yield
    finally:
        _try(RunProgram(("systemctl", "stop", *names, *sockets), int(LIMIT_S)), runner)
        for path in files:
            _try(RemoveFile(path), runner)
        for folder in sorted({path.rpartition("/")[0] for path in files if ".service.d/" in path}):
            _try(RemoveFolder(folder), runner)
        _try(RemoveFiles(HANDOVER, (CONFIGURATION, CHANNELS, *(f"{each}.sock" for each in ANSWERS))), runner)
        _try(RemoveFolder(HANDOVER), runner)
        _try(reload, runner)
        _try(RunProgram(("systemctl", "reset-failed", *names), 20), runner)


def _try(action: Action, runner: Runner) -> None:
    """Tidying up: a unit that was never loaded cannot be stopped, and that is as well."""
    try:
        perform(action, runner)
    except StepError:
        return


class Seen(NamedTuple):
    """One look into the self-test's own store."""

    found: bool = False
    owner: str | None = None  # None: not explained yet
    told: bool = False


def follow(look: Callable[[], Seen], clock: Callable[[], float], sleep: Callable[[float], None]) -> SelfTestResult:
    """Look until the alert is out, or the time is over; the moment of each stage is written down."""
    begun, outcome = clock(), SelfTestResult()
    while True:
        seen, after = look(), round(clock() - begun, 1)
        if seen.found and outcome.found_s is None:
            outcome = outcome._replace(found_s=after)
        if seen.owner is not None and outcome.explained_s is None:
            outcome = outcome._replace(explained_s=after, owner=seen.owner)
        if seen.told:
            return outcome._replace(told_s=after)
        if after >= LIMIT_S:
            return outcome
        sleep(0.2)


def _look() -> Seen:
    try:
        with reading(STORE) as connection:
            return _seen(connection)
    except StoreUnavailable:  # it is just being made
        return Seen()


def _seen(connection: sqlite3.Connection) -> Seen:
    incident = next((each for each in queries.incidents(connection) if each.rule == RULE), None)
    if incident is None:
        return Seen()
    case = queries.case_file(connection, incident.lineage_id)
    owners = [] if case is None else json.loads(case.json)["owners"]
    owner = None if case is None else clean(str(owners[0]["name"])) if owners else "nobody"
    return Seen(True, owner, outbox.was_sent(connection, incident.id))
