"""The configuration's schema: every key, its default, what is allowed, and the line that explains it.

The sample file is written from here (`sample.py`), so that it cannot drift. Durations are seconds once parsed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from runaway_watchdog.config.durations import format_duration, parse_duration


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
Urls = Annotated[
    tuple[Annotated[str, Field(min_length=1, strict=True)], ...],
    Field(repr=False),
    Allowed('a list of Apprise URLs in quotes, such as ["mailto://user:password@example.org"]'),
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Sampling(_Table):
    """How often the host is looked at."""

    interval: Interval = Field(2.0, description="time between two looks; 0.2s to 60s")


class Rule(_Table):
    """What counts as a runaway. Repeat [[rule]] for more; without any, the values shown here are the one rule."""

    name: Name = Field("sustained-cpu", description="names the rule in alerts and incidents")
    cpu: Share = Field(
        90.0, description="percent of one core, by one process or by one container, unit or job with all that it starts"
    )
    for_: Sustained = Field(300.0, alias="for", description="how long it has to last before you are told")
    severity: Severity = Field("warning", description='"info", "warning" or "critical"')


class Alerts(_Table):
    """Where alerts go. Without any URL they go to the journal, or to the terminal that runs the watchdog.

    A file that holds alert URLs must be readable by its owner alone: chmod 0600.
    """

    urls: Urls = Field((), description="Apprise URLs: https://github.com/caronc/apprise/wiki lists over 100 services")
    urls_file: AbsolutePath | None = Field(None, description="a file with more URLs, one a line, # for comments")
    remind_after: Reminder = Field(3600.0, description="tell again while it goes on; 1m to 30d")


class Store(_Table):
    """Where incidents and the history of returns are kept (SQLite)."""

    path: AbsolutePath | None = Field(None, description="the database's file")
    keep: Kept = Field(90 * 86400.0, description="what is older is deleted; 1h to 3650d")


class Config(_Table):
    """The whole file. Every table and every key may be left out."""

    sampling: Sampling = Sampling.model_construct()
    rule: tuple[Rule, ...] = ()
    alerts: Alerts = Alerts.model_construct()
    store: Store = Store.model_construct()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in force: those of the file, else the default one."""
        return self.rule or (Rule.model_construct(),)
