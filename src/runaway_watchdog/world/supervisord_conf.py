"""supervisord's configuration files: what they say of one program. Reading and parsing are apart.

As supervisor 4.2 reads them (supervisor/options.py): sections of an INI file, the files of [include] after it in
alphabetical order, the last value of a key wins, a comment starts at " ;" or " #".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from runaway_watchdog.linux.text import lines as lines_of
from runaway_watchdog.world.inside import Inside

SEARCHED = ("/etc/supervisord.conf", "/etc/supervisor/supervisord.conf")
"""Where supervisord looks when it is started without -c, after its own folder and its prefix."""
_SECTION = re.compile(r"\[(?P<name>[^]]+)\].*")
_KEY = re.compile(r"(?P<key>[^:=\s][^:=]*+)[:=]\s*+(?P<value>.*)")
_COMMENT = re.compile(r"(?:^|\s)[;#].*")
_EXPANSION = re.compile(r"%\((?P<name>\w+)\)0?(?P<width>\d?)[sd]")
MOST_PROCESSES, MOST_FILES, MOST_TEXT = 1000, 200, 64_000
"""Of one program, of one pattern, of one value: a configuration may belong to whoever wants to keep us busy."""


class Setting(NamedTuple):
    """One key's value, and where it stands: a file as supervisord names it, and a line from 1."""

    value: str
    path: str
    line: int


class Section(NamedTuple):
    """`line` is that of its header, in the file that named it first."""

    path: str
    line: int
    settings: dict[str, Setting]

    def get(self, key: str, default: str) -> str:
        found = self.settings.get(key)
        return default if found is None else found.value


class Program(NamedTuple):
    """A [program:NAME] section; values as they are written, with supervisor's defaults."""

    name: str
    section: Section

    @property
    def autorestart(self) -> str:
        """true, false, unexpected; "" where the value is none of these."""
        value = self.section.get("autorestart", "unexpected").lower()
        return "unexpected" if value == "unexpected" else {True: "true", False: "false", None: ""}[_boolean(value)]

    @property
    def autostart(self) -> bool | None:
        return _boolean(self.section.get("autostart", "true"))

    @property
    def exit_codes(self) -> tuple[int, ...] | None:
        return _numbers(self.section.get("exitcodes", "0"))

    def number(self, key: str, default: int) -> int | None:
        value = self.section.get(key, str(default))
        return int(value) if re.fullmatch(r"[0-9]{1,9}", value) else None

    def flag(self, key: str) -> bool:
        return bool(_boolean(self.section.get(key, "false")))

    def processes(self, group: str) -> Iterator[str]:
        """The names of its processes."""
        pattern = self.section.get("process_name", "%(program_name)s")
        first = self.number("numprocs_start", 0) or 0
        for number in range(first, first + min(self.number("numprocs", 1) or 0, MOST_PROCESSES)):
            yield _expanded(pattern, {"program_name": self.name, "group_name": group, "process_num": number})


def _boolean(text: str) -> bool | None:
    """As supervisor's datatypes: None for what it would refuse, or what is only known when it is expanded."""
    value = text.lower()
    return True if value in ("yes", "true", "on", "1") else False if value in ("no", "false", "off", "0") else None


def _numbers(text: str) -> tuple[int, ...] | None:
    words = [word.strip() for word in text.split(",") if word.strip()]
    return tuple(int(word) for word in words) if all(re.fullmatch(r"[0-9]{1,3}", word) for word in words) else None


def _expanded(text: str, values: Mapping[str, str | int]) -> str:
    """`%(name)s` and `%(process_num)02d`, of these names only; others are kept as they are written."""

    def expand(found: re.Match[str]) -> str:
        value = values.get(found["name"])
        if value is None:
            return found[0]
        return str(value).zfill(int(found["width"] or 0)) if isinstance(value, int) else str(value)

    return _EXPANSION.sub(expand, text)


class Configuration:
    """All sections, from all files."""

    def __init__(self, sections: Mapping[str, Section], left_out: tuple[str, ...] = ()) -> None:
        self._sections = sections
        self.left_out = left_out  # files that it includes and that are others' to write

    def section(self, name: str) -> Section | None:
        return self._sections.get(name)

    def program(self, group: str, process: str) -> Program | None:
        """The program that a process belongs to, by the names that supervisord gives both."""
        listed = self._sections.get(f"group:{group}")
        names = [group] if listed is None else [each.strip() for each in listed.get("programs", "").split(",")]
        for name in names:
            for kind in ("program", "fcgi-program", "eventlistener"):
                section = self._sections.get(f"{kind}:{name}")
                if section is not None and process in (found := Program(name, section)).processes(group):
                    return found
        return None

    def server(self) -> tuple[str, str | None, str | None] | None:
        """Address, user name and password of its own server; None where it has none."""
        if unix := self._sections.get("unix_http_server"):
            path = unix.get("file", "")
            url = f"unix://{path}" if path.startswith("/") else ""
            section = unix
        elif inet := self._sections.get("inet_http_server"):
            url = f"http://127.0.0.1:{inet.get('port', '').rpartition(':')[2]}"
            section = inet
        else:
            return None
        user = section.get("username", "") or None
        return url, user, section.get("password", "") if user is not None else None


def read(inside: Inside, path: str, whose: Callable[[str], object]) -> Configuration:
    """The file and what it includes, without files that others may write than the file itself: whoever may add a
    section there would say where a password goes that stands here. Raises OSError where the file itself cannot be read.
    """
    here = path.rpartition("/")[0]
    sections: dict[str, Section] = {}
    left_out: list[str] = []
    parse(inside.read(path), path, sections)
    include = sections.get("include")
    for pattern in include.get("files", "").split() if include else ():
        pattern = _expanded(pattern, {"here": here})  # noqa: PLW2901 - the same pattern, as supervisord reads it
        for each in inside.glob(pattern if pattern.startswith("/") else f"{here}/{pattern}")[:MOST_FILES]:
            if whose(each) == whose(path):
                parse(inside.read(each), each, sections)
            else:
                left_out.append(each)
    return Configuration(sections, tuple(left_out))


def parse(text: str, path: str, sections: dict[str, Section]) -> None:
    """Add the settings of one file to `sections`. Never fails: what is no setting is passed over."""
    section: Section | None = None
    key = ""
    for number, raw in enumerate(lines_of(text), 1):
        line = _COMMENT.sub("", raw).rstrip()
        if not line:
            continue
        if header := _SECTION.fullmatch(line):
            section, key = sections.setdefault(header["name"], Section(path, number, {})), ""
        elif section is None:
            continue
        elif line[0].isspace() and key:  # a value goes on in the lines below it that are indented
            at = section.settings[key]
            section.settings[key] = at._replace(value=f"{at.value}\n{line.strip()}"[:MOST_TEXT])
        elif pair := _KEY.fullmatch(line.strip()):
            key = pair["key"].strip().lower()
            section.settings[key] = Setting(pair["value"].strip(), path, number)
