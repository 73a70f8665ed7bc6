"""What is wrong with a configuration: every fault, each with its place and what is allowed there."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from runaway_watchdog.config.schema import Allowed, Config, kind_of
from runaway_watchdog.hostile import clean
from runaway_watchdog.linux.text import lines as lines_of


class Fault(NamedTuple):
    """One thing that must be changed. `key` is "" for the file as a whole; the first [[rule]] is rule[1]."""

    file: str
    line: int | None
    key: str
    problem: str
    fix: str  # what is allowed, the nearest valid key, or the command that puts it right

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        subject = f"{place}: {self.key} {self.problem}" if self.key else f"{place}: {self.problem}"
        return f"{subject}\n    {self.fix}"

    def document(self) -> dict[str, str | int | None]:
        """As `check-config --json` shows it: the contract's key for the fix is `mend`."""
        return {
            "file": self.file, "line": self.line, "key": self.key, "problem": self.problem, "mend": self.fix,
        }  # fmt: skip


class ConfigurationFaults(Exception):  # noqa: N818 - it is all of them, and each is a Fault
    """The configuration cannot be used. Carries every fault that was found, not the first alone."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


def schema_faults(file: Path, text: str, error: ValidationError) -> list[Fault]:
    """The faults that pydantic found in one file, in this project's words."""
    faults = []
    for detail in error.errors(include_url=False, include_input=True):
        key = key_path(detail["loc"])
        problem, mend = _in_words(detail)
        faults.append(Fault(str(file), line_of(text, detail["loc"]), key, problem, mend))
    return faults


def in_order(faults: Collection[Fault]) -> tuple[Fault, ...]:
    """As one reads: file by file, from the top; what has no line comes last."""
    files = {fault.file: None for fault in faults}
    places = {file: place for place, file in enumerate(files)}
    return tuple(sorted(faults, key=lambda fault: (places[fault.file], fault.line is None, fault.line or 0)))


def key_path(loc: tuple[int | str, ...]) -> str:
    """`("rule", 0, "for")` as people write it: `rule[1].for`."""
    path = ""
    for part in loc:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{clean(part, 60)}" if path else clean(part, 60)
    return path


def _in_words(detail: ErrorDetails) -> tuple[str, str]:
    """(what is wrong, what is allowed) of one pydantic error."""
    model, field = _schema_at(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return "is not a key that I know", _nearest(str(detail["loc"][-1]), model)
    context = detail.get("ctx") or {}
    allowed = context.get("allowed") or _allowed(field)
    if detail["type"] in {"duration", "share", "path", "matcher", "window", "time", "heartbeat"}:
        return detail["msg"], f"allowed: {allowed}"
    if detail["type"] == "missing":
        return "is missing", f"allowed: {allowed}"
    kind = kind_of(detail["input"])
    if detail["type"] in {"model_type", "model_attributes_type"}:
        return f"is {kind}, not a table", f"allowed: a table, [{key_path(detail['loc'])}]"
    if detail["type"] in {"tuple_type", "list_type"} and detail["loc"] in (("rule",), ("expect",)):
        return f"is {kind}, not a list of tables", f"write [[{detail['loc'][0]}]] with two brackets on each side"
    wrong_kind = detail["type"].endswith("_type")
    return f"is {kind}" if wrong_kind else "has a value that is not allowed", f"allowed: {allowed}"


def _nearest(key: str, model: type[BaseModel] | None) -> str:
    known = [] if model is None else [field.alias or name for name, field in model.model_fields.items()]
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else f"allowed here: {', '.join(known)}"


def _schema_at(loc: tuple[int | str, ...]) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The table that holds the last key of `loc`, and that key's field where the schema has it."""
    model: type[BaseModel] | None = Config
    field: FieldInfo | None = None
    for depth, part in enumerate(loc):
        if isinstance(part, int):
            continue
        if model is None:
            break
        fields = {each.alias or name: each for name, each in model.model_fields.items()}
        field = fields.get(part)
        if field is None or all(isinstance(rest, int) for rest in loc[depth + 1 :]):
            break
        model = _table_in(field.annotation)
    return model, field


def _table_in(annotation: Any) -> type[BaseModel] | None:
    """The model that a field's type is, or holds: `Alerts`, `tuple[Rule, ...]`."""
    candidates = (annotation, *get_args(annotation))
    return next((each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _allowed(field: FieldInfo | None) -> str:
    return (allowed(field) if field else None) or "see the sample configuration"


def allowed(field: FieldInfo) -> str | None:
    """What a key takes, in words."""
    marks = (*field.metadata, *_inner_metadata(field.annotation))
    return next((mark.text for mark in marks if isinstance(mark, Allowed)), None)


def _inner_metadata(annotation: Any) -> tuple[Any, ...]:
    """What an optional field's `Annotated[…] | None` carries inside."""
    return tuple(mark for each in get_args(annotation) for mark in getattr(each, "__metadata__", ()))


_HEADER = re.compile(r"\s*\[\[?\s*([\w-]+)\s*\]\]?")


def line_of(text: str, loc: tuple[int | str, ...]) -> int | None:
    """The line where a key of the file stands, or its table's header; None where it cannot be told.

    tomllib keeps no positions. This looks only for `[table]`, `[[table]]` and `key =` at the start of a line, which is
    how the sample is written; inline tables and dotted keys are told by their key path alone.
    """
    table, rest = str(loc[0]), loc[1:]
    number = rest[0] if rest and isinstance(rest[0], int) else 0  # which [[table]]
    key = re.escape(next((part for part in rest if isinstance(part, str)), table))
    inside, seen, header_line = not rest, -1, None
    for at, line in enumerate(lines_of(text), start=1):
        if header := _HEADER.match(line):
            seen += header[1] == table
            inside = header[1] == table and seen == number
            header_line = at if inside else header_line
        elif inside and re.match(rf"\s*[\"']?{key}[\"']?\s*=", line):
            return at
    return header_line


def unreadable(path: Path, error: OSError) -> Fault:
    """A file that cannot be read at all."""
    mend = {
        FileNotFoundError: "look at the name; without a file the defaults hold",
        PermissionError: "run it with sudo, or let this user read it",
        IsADirectoryError: "name the file in that folder",
    }.get(type(error), "look at it with ls -l")
    return Fault(str(path), None, "", f"cannot be read: {error.strerror}", mend)


def toml_fault(file: Path, error: ValueError) -> Fault:
    """A file that is not TOML at all."""
    if isinstance(error, UnicodeDecodeError):
        return Fault(str(file), None, "", "is not UTF-8 text", "save it as UTF-8")
    place = re.search(r" \(at line (\d+), column (\d+)\)", str(error))
    problem = clean(str(error).split(" (at ")[0], 120)
    mend = "the file ends too early" if place is None else f"look at column {place[2]}; texts need quotes"
    if "Cannot declare" in problem:
        mend = "it stands there twice: put what belongs to it below the first one"
    return Fault(str(file), int(place[1]) if place else None, "", f"is not valid TOML: {problem}", mend)
