"""The configuration's schema: every key, its default, what is allowed, and the line that explains it.

The sample file is written from here (`sample.py`), so that it cannot drift. Durations are seconds once parsed.
"""

import pwd
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from runaway_watchdog.config.durations import format_duration, parse_duration
from runaway_watchdog.config.windows import parse_time, parse_window
from runaway_watchdog.model.user_input import Window


@dataclass(frozen=True, slots=True)
class Allowed:
    """Travels with a field's type and says in words what it takes; `load` puts it into each fault."""

    text: str


def _duration(low: float, high: float) -> tuple[BeforeValidator, Allowed]:
    allowed = f'a duration from "{format_duration(low)}" to "{format_duration(high)}", such as "2s", "5m" or "1h30m"'

    def check(value: Any) -> float:
        if not isinstance(value, str):
            raise PydanticCustomError("duration", "is {kind}, not a duration in quotes", {"kind": kind_of(value)})
        try:
            seconds = parse_duration(value)
        except ValueError:
            raise PydanticCustomError("duration", "is not a duration") from None
        if not low <= seconds <= high:
            raise PydanticCustomError("duration", "is too short" if seconds < low else "is too long")
        return seconds

    return BeforeValidator(check), Allowed(allowed)


def kind_of(value: Any) -> str:
    """What a TOML value is, in the reader's words."""
    names = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return names.get(type(value), "a date or time")


def _share(value: Any, info: ValidationInfo) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PydanticCustomError("share", "is {kind}, not a number", {"kind": kind_of(value)})
    cpus = (info.context or {}).get("cpus", 1)
    if not 1 <= value <= 100 * cpus:
        raise PydanticCustomError(
            "share",
            "is out of range: this host has {cpus} CPU{plural}",
            {"cpus": cpus, "plural": "" if cpus == 1 else "s", "allowed": f"1 to {100 * cpus} (percent of one core)"},
        )
    return float(value)


_ABOUT: Final = {
    "cpu": ("unit", "container", "project", "image", "user", "exe", "cmdline"),
    "restarts": ("unit", "container", "project", "image"),
    "pressure": (),
    "steal": (),
}
"""Which matchers a kind of rule can have: a restart loop is seen by its group, and the host is the host."""


def _pattern(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("matcher", "is {kind}, not a text in quotes", {"kind": kind_of(value)})
    kind = info.data.get("kind", "cpu")
    allowed = _ABOUT.get(kind, ())
    if info.field_name not in allowed:
        words = f"for a rule of the kind {kind}: {', '.join(allowed) or 'none of these keys'}"
        raise PydanticCustomError(
            "matcher", 'says nothing in a rule of the kind "{of}"', {"of": kind, "allowed": words}
        )
    if not 1 <= len(value) <= 500:
        raise PydanticCustomError("matcher", "is empty, or longer than 500 characters")
    return value


def _user(value: Any, info: ValidationInfo) -> str:
    """The number, as text: the watch looks nobody up, since a directory service may take its time."""
    name = _pattern(value, info)
    if name.isdecimal():
        return name
    try:
        return str(pwd.getpwnam(name).pw_uid)
    except KeyError:
        raise PydanticCustomError("matcher", "is no user of this host") from None


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise PydanticCustomError("path", "is a relative path")
    return path


_PATH = (AfterValidator(_absolute), Allowed('an absolute path in quotes, such as "/etc/runaway-watchdog/urls"'))
AbsolutePath = Annotated[Path, *_PATH]
Interval = Annotated[float, *_duration(0.2, 60)]
Sustained = Annotated[float, *_duration(1, 86400)]
Reminder = Annotated[float, *_duration(60, 30 * 86400)]
Kept = Annotated[float, *_duration(3600, 3650 * 86400)]
Share = Annotated[float, BeforeValidator(_share), Allowed("a number from 1 to 100 for each CPU of the host")]
Name = Annotated[
    str, Field(pattern=r"^[\w.-]{1,60}$"), Allowed("1 to 60 letters, digits, dots, dashes and underscores, in quotes")
]
Severity = Annotated[Literal["info", "warning", "critical"], Allowed('"info", "warning" or "critical"')]
Kind = Annotated[Literal["cpu", "restarts", "pressure", "steal"], Allowed('"cpu", "restarts", "pressure" or "steal"')]
Times = Annotated[int, Field(ge=2, le=50, strict=True), Allowed("a whole number from 2 to 50")]
Pattern = Annotated[
    str, BeforeValidator(_pattern), Allowed('a name in quotes; * and ? stand for any characters, as in "docker-*"')
]
User = Annotated[str, BeforeValidator(_user), Allowed("a user's name or number in quotes")]
Urls = Annotated[
    tuple[Annotated[str, Field(min_length=1, strict=True)], ...],
    Field(repr=False),
    Allowed('a list of Apprise URLs in quotes, such as ["mailto://user:password@example.org"]'),
]


def _time_of_day(value: Any) -> Window:
    if not isinstance(value, str):
        raise PydanticCustomError("window", "is {kind}, not a text in quotes", {"kind": kind_of(value)})
    try:
        return parse_window(value)
    except ValueError as fault:
        raise PydanticCustomError("window", "{why}", {"why": str(fault)}) from None


def _daily(value: Any) -> int | None:
    if not isinstance(value, str):
        raise PydanticCustomError("time", "is {kind}, not a text in quotes", {"kind": kind_of(value)})
    try:
        return None if value == "never" else parse_time(value)
    except ValueError as fault:
        raise PydanticCustomError("time", "{why}", {"why": str(fault)}) from None


def _heartbeat(value: Any) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or not value.isprintable():
        raise PydanticCustomError("heartbeat", "is no web address")
    return str(value)


TimeOfDay = Annotated[Window, BeforeValidator(_time_of_day), Allowed('a time of the day, such as "02:00-04:00"')]
Daily = Annotated[int | None, BeforeValidator(_daily), Allowed('a time such as "08:00", or "never"')]
PerHour = Annotated[int, Field(ge=1, le=1000, strict=True), Allowed("a whole number from 1 to 1000")]
HeartbeatUrl = Annotated[str, BeforeValidator(_heartbeat), Allowed("an address that begins with https:// or http://")]
Unit = Annotated[
    str, Field(min_length=1, max_length=500, strict=True), Allowed("a name in quotes; * and ? stand for any characters")
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Sampling(_Table):
    """How often the host is looked at."""

    interval: Interval = Field(2.0, description="time between two looks; 0.2s to 60s")
    senders: Annotated[bool, Field(strict=True), Allowed("true or false")] = Field(
        False,
        description="true: the service has the kernel trace who sends signals that end processes (tracefs), and tells"
        " who killed what; takes effect when the service is restarted",
    )


class Rule(_Table):
    """What counts as a runaway. Repeat [[rule]] for more; your rules replace the ones that hold without any:

    sustained-cpu  as shown here, its severity by the harm that it does
    slow-burn      cpu = 40, for = "1h", severity = "info", push = false
    restart-loop   kind = "restarts", times = 5, for = "10m"
    pressure       kind = "pressure", cpu = 60, for = "5m"
    steal          kind = "steal", cpu = 20, for = "10m"

    unit, container, project, image, user, exe and cmdline narrow a rule down: all that are given have to match.
    """

    name: Name = Field("sustained-cpu", description="names the rule in alerts and incidents")
    kind: Kind = Field(
        "cpu",
        description='"cpu", "restarts" (what ends and comes back), "pressure" (processes wait for a CPU) or "steal"'
        " (the provider takes CPUs)",
    )
    cpu: Share = Field(
        90.0,
        description="percent of one core, by one process or by one container, unit or job with all that it starts;"
        " what it wanted counts, on a full host or at its limit; for pressure and steal percent of the time",
    )
    for_: Sustained = Field(
        300.0,
        alias="for",
        description="how long it has to last before you are told; in all, where it goes on and off with a mean above",
    )
    times: Times = Field(5, description="for restarts: how many within that time")
    severity: Severity | None = Field(
        None, description='"info", "warning" or "critical"; left out, it goes by the harm that is done to others'
    )
    push: Annotated[bool, Field(strict=True), Allowed("true or false")] = Field(
        True, description="false: it is recorded, listed and explained, but no message is sent"
    )
    unit: Pattern | None = Field(None, description="the unit or scope, as in systemd-cgls")
    container: Pattern | None = Field(None, description="the container's name; known once its owner was asked")
    project: Pattern | None = Field(None, description="the Compose project; known once its owner was asked")
    image: Pattern | None = Field(None, description="the container's image; known once its owner was asked")
    user: User | None = Field(None, description="the user that runs it, by name or number")
    exe: Pattern | None = Field(None, description="the program's file")
    cmdline: Pattern | None = Field(None, description="the whole command line, its words with spaces between them")

    @property
    def only(self) -> dict[str, str]:
        """Its matchers, by what they look at."""
        return {what: pattern for what in _ABOUT["cpu"] if (pattern := getattr(self, what)) is not None}


_DEFAULT_RULES: Final = (
    Rule.model_construct(),
    Rule.model_construct(name="slow-burn", cpu=40.0, for_=3600.0, severity="info", push=False),
    Rule.model_construct(name="restart-loop", kind="restarts", for_=600.0),
    Rule.model_construct(name="pressure", kind="pressure", cpu=60.0),
    Rule.model_construct(name="steal", kind="steal", cpu=20.0, for_=600.0),
)


class Expect(_Table):
    """Heavy work that is meant to be there: listed and explained, but told of only when its time is over.
    `runaway-watchdog expect` does the same without this file.
    """

    unit: Unit = Field(description="the unit, scope or container's group, as in systemd-cgls")
    between: TimeOfDay = Field(description="from when to when, local time; over midnight where the end comes first")
    until: date | None = Field(None, description="the last day on which it holds")


class Alerts(_Table):
    """Where alerts go. Without any URL they go to the journal, or to the terminal that runs the watchdog.

    A file that holds alert URLs must be readable by its owner alone: chmod 0600.
    """

    urls: Urls = Field((), description="Apprise URLs: https://github.com/caronc/apprise/wiki lists over 100 services")
    urls_file: AbsolutePath | None = Field(None, description="a file with more URLs, one a line, # for comments")
    remind_after: Reminder = Field(3600.0, description="tell again while it goes on; 1m to 30d")
    quiet: TimeOfDay | None = Field(None, description="what is not critical waits until this time of the day is over")
    per_hour: PerHour = Field(12, description="messages through one channel; what is over it comes as one, later")
    per_hour_in_all: PerHour = Field(60, description="messages through all channels together")
    digest: Daily = Field(8 * 60, description='when the day\'s harmless incidents are summed up, or "never"')
    heartbeat_url: HeartbeatUrl | None = Field(
        None, repr=False, description="fetched once a minute: a service of yours then notices when this host is dead"
    )


class Store(_Table):
    """Where incidents and the history of returns are kept (SQLite)."""

    path: AbsolutePath | None = Field(None, description="the database's file")
    keep: Kept = Field(90 * 86400.0, description="what is older is deleted; 1h to 3650d")


class Config(_Table):
    """The whole file. Every table and every key may be left out."""

    sampling: Sampling = Sampling.model_construct()
    rule: tuple[Rule, ...] = ()
    expect: tuple[Expect, ...] = ()
    alerts: Alerts = Alerts.model_construct()
    store: Store = Store.model_construct()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force: those of the file, else the default ones."""
        return self.rule or _DEFAULT_RULES
