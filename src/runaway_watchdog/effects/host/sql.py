"""SQL as its clients read it: text taken apart into statements and a client's own commands.

Each client has strings, names and comments of its own (PostgreSQL's lexical structure, MySQL's literal values, SQLite's
tokenizer), and lines that never reach a server: psql's `\\gexec`, mysql's `source`, sqlite3's `.import`.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

LARGEST = 1 << 19
"""Characters. What is longer is not read: a dump, which takes longer to judge than anybody waits."""


class Token(NamedTuple):
    kind: str  # word, quoted (a name), string, number, variable (psql's :x), mark, broken (a quote without its end)
    text: str  # of a quoted name without its quotes, else as it stands


class Statement(NamedTuple):
    """One statement, or one line for the client itself."""

    tokens: tuple[Token, ...]
    text: str
    ended_by: str = ";"  # or the client's command that sent it: \\gexec, \\g FILE
    own: bool = False  # for the client: `text` is the command with its arguments


class Dialect(NamedTuple):
    name: str
    token: re.Pattern[str]
    sending: re.Pattern[str] = re.compile(r"(?!)")
    """The client's commands that send what stands before them."""
    own_line: re.Pattern[str] = re.compile(r"(?!)")
    """A line for the client, where no statement has begun."""


_SHARED = r"(?P<number>\d[\w.]*)|(?P<word>[^\W\d][\w$]*)|(?P<mark>::|.)"
POSTGRES = Dialect(
    "postgres",
    re.compile(
        r"(?P<space>\s+|--[^\n]*)|(?P<comment>/\*)"
        r"|(?P<string>[eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|(?:[bBxXnN]|[uU]&)?'[^']*(?:''[^']*)*'"
        r"|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)"
        r'|(?P<quoted>(?:[uU]&)?"[^"]*(?:""[^"]*)*")'
        r"|(?P<cast>::)|(?P<variable>:(?:'\w+'|\"\w+\"|\{\?\w+\}|[^\W\d]\w*))|(?P<own>\\[^\n]*)|" + _SHARED,
        re.S,
    ),
    re.compile(r"\\(?:g|gx|gset|gexec|gdesc|watch|crosstabview|bind\b.*|parse|sendpipeline)\b"),
)
MYSQL = Dialect(
    "mysql",
    re.compile(
        r"(?P<space>\s+|#[^\n]*|--(?=\s|$)[^\n]*|/\*M?!\d*|\*/)|(?P<comment>/\*)"
        r"|(?P<string>'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'|\"[^\"\\]*(?:(?:\\.|\"\")[^\"\\]*)*\")"
        r"|(?P<quoted>`[^`]*(?:``[^`]*)*`)|(?P<own>\\[^\n])|" + _SHARED,
        re.S,
    ),
    re.compile(r"\\[gG]"),
    re.compile(
        r"(?:use|source|system|tee|notee|pager|nopager|edit|connect|delimiter|status|help|exit|quit|warnings|nowarning"
        r"|prompt|rehash|print|clear|charset|resetconnection)\b[^\n]*",
        re.I,
    ),
)
SQLITE = Dialect(
    "sqlite",
    re.compile(
        r"(?P<space>\s+|--[^\n]*)|(?P<comment>/\*)|(?P<string>[xX]?'[^']*(?:''[^']*)*')"
        r"|(?P<quoted>\"[^\"]*(?:\"\"[^\"]*)*\"|`[^`]*`|\[[^\]]*\])|" + _SHARED,
        re.S,
    ),
    own_line=re.compile(r"\.[^\n]*"),
)
_PLAIN = MYSQL._replace(sending=re.compile(r"(?!)"), own_line=re.compile(r"(?!)"))
CLICKHOUSE = _PLAIN._replace(name="clickhouse")
CQL = _PLAIN._replace(
    name="cql",
    own_line=re.compile(r"(?:source|capture|copy|expand|login|paging|tracing|consistency|serial)\b[^;\n]*", re.I),
)
INFLUXQL = _PLAIN._replace(name="influxql")
_DATA = re.compile(r"^\\\.[ \t]*$", re.M)
"""Ends the rows that follow COPY … FROM stdin."""


class _Reader:
    def __init__(self, text: str, dialect: Dialect) -> None:
        self.text, self.dialect = text, dialect
        self.delimiter = ";"
        self.tokens: list[Token] = []
        self.start = 0
        self.at = 0

    def statements(self) -> Iterator[Statement]:
        while self.at < len(self.text):
            if not self.tokens and (line := self._own_line()) is not None:
                yield from self._for_the_client(line)
            elif self.text.startswith(self.delimiter, self.at):
                yield from self._ended(self.delimiter, self.at + len(self.delimiter))
            else:
                yield from self._token()
        yield from self._ended("", len(self.text))

    def _own_line(self) -> str | None:
        found = self.dialect.own_line.match(self.text, self.at)
        return None if found is None else found[0]

    def _for_the_client(self, line: str) -> Iterator[Statement]:
        self.at += len(line)
        self.start = self.at
        words = line.split()
        if words[0].lower() == "delimiter":
            self.delimiter = words[1] if len(words) > 1 else ";"
            return
        end = None if self.dialect is SQLITE else line.find(self.delimiter)
        if end is not None and end >= 0:  # mysql: `use shop; drop table a` in one line
            self.at += end - len(line)
            line = line[:end]
        yield Statement((), line.strip(), own=True)

    def _token(self) -> Iterator[Statement]:
        found = self.dialect.token.match(self.text, self.at)
        if found is None:  # a `.` matches everything
            self.at = len(self.text)
            return
        kind = found.lastgroup or "mark"
        kind = "string" if kind == "tag" else kind
        if kind == "comment":
            self.at = self._comment_end(found.end())
        elif kind == "own":
            yield from self._own(found)
        else:
            self.at = found.end()
            if kind != "space":
                self.tokens.append(_token(kind, found[0]))

    def _own(self, found: re.Match[str]) -> Iterator[Statement]:
        """A backslash command: psql's goes to the end of the line or the next one, mysql's is one letter."""
        text = found[0]
        if self.dialect is POSTGRES:
            following = re.search(r"\s\\", text[1:])
            if following:
                text = text[: following.start() + 1]
            end = self.at + len(text)
            if text.startswith("\\\\") or text == "\\;":  # a separator
                self.at += 2
                return
        else:
            takes = text[1] in "!.uTPR#"
            end = (self.text.find("\n", self.at) % (len(self.text) + 1)) if takes else self.at + 2
            text = self.text[self.at : end]
        if self.dialect.sending.match(text):
            yield from self._ended(text.strip(), end)
            return
        yield from self._ended("", self.at)
        yield Statement((), text.strip(), own=True)
        self.at = self.start = end

    def _comment_end(self, at: int) -> int:
        """PostgreSQL's comments hold comments."""
        depth = 1
        for found in re.compile(r"/\*|\*/").finditer(self.text, at):
            if found[0] == "*/":
                depth -= 1
            elif self.dialect is POSTGRES:
                depth += 1
            if not depth:
                return found.end()
        return len(self.text)

    def _ended(self, by: str, end: int) -> Iterator[Statement]:
        if by == self.delimiter and self._in_a_trigger():
            self.at = end
            self.tokens.append(Token("mark", ";"))
            return
        if self.tokens:
            yield Statement(tuple(self.tokens), self.text[self.start : self.at].strip(), by)
            if self.dialect is POSTGRES and _reads_rows(self.tokens):
                rows = _DATA.search(self.text, end)
                end = len(self.text) if rows is None else rows.end()
        elif by not in ("", self.delimiter):
            yield Statement((), by, own=True)
        self.tokens = []
        self.at = self.start = end

    def _in_a_trigger(self) -> bool:
        """SQLite's CREATE TRIGGER holds statements and ends with END."""
        first = [token.text.upper() for token in self.tokens[:3]]
        if self.dialect is not SQLITE or first[:1] != ["CREATE"] or "TRIGGER" not in first:
            return False
        return self.tokens[-1].text.upper() != "END"


def _reads_rows(tokens: list[Token]) -> bool:
    words = [token.text.upper() for token in tokens]
    return words[0] == "COPY" and any(pair == ("FROM", "STDIN") for pair in pairwise(words))


def _token(kind: str, text: str) -> Token:
    if kind == "quoted":
        return Token(kind, text.lstrip("uU&")[1:-1].replace('""', '"').replace("``", "`"))
    if kind == "cast":
        return Token("mark", text)
    return Token("broken" if kind == "mark" and text in "'\"`" else kind, text)


def statements(text: str, dialect: Dialect) -> Iterator[Statement]:
    """What a client of this kind would send or do itself, in order."""
    return _Reader(text, dialect).statements()
