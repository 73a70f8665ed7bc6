"""What an installation may do to a host, as data: nothing else exists, so nothing else can happen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WriteFile:
    path: str
    text: str
    mode: int


@dataclass(frozen=True, slots=True)
class MakeFolder:
    path: str
    mode: int


@dataclass(frozen=True, slots=True)
class MakeLink:
    path: str
    target: str


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """A file or a link."""

    path: str


@dataclass(frozen=True, slots=True)
class RemoveFiles:
    """Those of the named files that are there when it is done."""

    folder: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveFolder:
    """An empty folder; execution stops where it is not empty after all."""

    path: str


@dataclass(frozen=True, slots=True)
class RunProgram:
    argv: tuple[str, ...]
    seconds: int


Action = WriteFile | MakeFolder | MakeLink | RemoveFile | RemoveFiles | RemoveFolder | RunProgram


@dataclass(frozen=True, slots=True)
class Do:
    """One change of the host."""

    title: str
    action: Action


@dataclass(frozen=True, slots=True)
class Already:
    """Nothing to do: the host is so."""

    title: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something the reader should know; it changes nothing."""

    title: str


Step = Do | Already | Note
