"""The grammar's reading of one text, checked: tree-sitter-bash finds the structure, and what it skips is not lost.

The grammar recovers from what it does not know, and it misreads some valid bash. So nothing is taken on its word
alone: a part with an error in it is not read, the text between two of its nodes must be blank, the words are read by
a lexer of our own (words.py) that must stop where the grammar stopped, and a here-document's end is looked up again.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from itertools import pairwise
from time import thread_time
from typing import Final, NamedTuple

from tree_sitter import Language, Node, Parser

from runaway_watchdog.hostile import clean
from runaway_watchdog.patterns import Pattern

SHOWN: Final = 120
_CHUNK: Final = 4096
# The scanner of tree-sitter-bash 0.25 looks letters up in C's tables for bytes, and a far letter ends the process with
# a segmentation fault. To the shell each letter past ASCII is part of a word, so the grammar may see an x instead.
_STAND_IN = Pattern(r"[^\x00-\x7f]")
# Nor does it know a word that is nothing but an escaped blank, or ends in one behind a quote; the lexer does.
_ESCAPED_BLANK = Pattern(r"(?<!\\)\\[ \t]")
_BLANK = re.compile(r"(?:[ \t\n]|\\\n)*")
_TIMED = re.compile(r"(time(?:[ \t]+-p)?)[ \t]+(?:[({]|\[\[|(?:for|while|until|if|case|select)\s)")
_READINGS: Final = 8
_NESTED = frozenset(("command_substitution", "process_substitution", "expansion", "arithmetic_expansion", "array"))


def _bash() -> object:
    """The compiled grammar. Its package is not run: for the sake of a query in a file that nobody asks for here it
    imports `importlib.resources`, with every compressor and random numbers behind it, 8 ms of each answer."""
    package = find_spec("tree_sitter_bash")
    folders = None if package is None else package.submodule_search_locations
    spec = None if folders is None else PathFinder.find_spec("tree_sitter_bash._binding", folders)
    if spec is None:
        raise ImportError("tree-sitter-bash is not installed as it should be")
    binding = module_from_spec(spec)
    if spec.loader is not None:
        spec.loader.exec_module(binding)
    grammar: object = binding.language()
    return grammar


_parser = Parser(Language(_bash()))


class Unread(Exception):  # noqa: N818 - a turn of the reading, not a fault of ours
    """A part of the line that cannot be read; the text is a sentence for the user that names it."""

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"`{clean(part.strip(), SHOWN)}`: {why}")


class Nested(NamedTuple):
    """A part of a word with an inside of its own, by the grammar: where it is and what."""

    kind: str
    start: int
    end: int


class HereDocument(NamedTuple):
    """A here-document's text as it stands in the source, tabs and all."""

    start: int
    end: int
    strips_tabs: bool
    literal: bool  # its delimiter is quoted: nothing in it is expanded


class Source:
    """One text and its tree. Positions are those of characters in `text`."""

    def __init__(self, text: str, deadline: float) -> None:
        """Read until `deadline` (of this thread's CPU time). Raises Unread, also for text that is no UTF-8."""
        self.text = text
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unread(text, "it holds bytes that are no text") from None
        known = text if text.isascii() else _STAND_IN.sub("x", text)
        self.root = self._read(_ESCAPED_BLANK.sub("xx", known), deadline)
        self._nested: dict[int, Nested] = {}
        self._here: dict[int, HereDocument] = {}
        self._collect()
        self._starts = sorted(self._nested)

    def _read(self, stand_in: str, deadline: float) -> Node:
        """The tree, read again with what the grammar is known to misread made plain to it. Raises Unread.

        It goes on with a command past the end of its line after a pipe of three parts, and takes the reserved word
        `time` for a program.
        """
        for _ in range(_READINGS):
            root = _tree(stand_in.encode(), self.text, deadline)
            ends, nothing = _swallowed(root, self.text), [*_commented(root, self.text), *_timed(root, self.text)]
            if not ends and not nothing:
                break
            for position in ends:
                stand_in = f"{stand_in[:position]};{stand_in[position + 1 :]}"
            for start, end in nothing:
                blank = " " * (end - start)
                stand_in = stand_in[:start] + blank + stand_in[end:]
                self.text = self.text[:start] + blank + self.text[end:]
        return root

    def span(self, node: Node) -> tuple[int, int]:
        return node.start_byte, node.end_byte

    def raw(self, node: Node) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def nested_at(self, start: int) -> Nested | None:
        return self._nested.get(start)

    def substitutions(self, start: int, end: int) -> Iterator[Nested]:
        """The outermost command and process substitutions that start in [start, end)."""
        position = start
        for begin in self._starts[bisect_left(self._starts, start) : bisect_left(self._starts, end)]:
            found = self._nested[begin]
            if begin >= position and found.kind in {"command_substitution", "process_substitution"}:
                position = found.end
                yield found

    def here_document(self, operator: int) -> HereDocument:
        """The text for the `<<` at this position. Raises Unread where the grammar saw none there."""
        found = self._here.get(operator)
        if found is None:
            raise Unread(self.text[operator:], "the end of this here-document was not found")
        return found

    def check(self, node: Node) -> None:
        """All of a node is in its children, and each of them is what the grammar expected. Raises Unread."""
        for child in node.children:
            if child.type == "ERROR" or child.is_missing:
                raise Unread(self.raw(node), "the shell grammar does not know this part")
        self.check_between(node.children, *self.span(node))

    def check_between(self, children: Sequence[Node], start: int, end: int) -> None:
        """Nothing but blanks and comments lies between these. Raises Unread for what the grammar skipped."""
        position = start
        for child in children:
            begin, after = self.span(child)
            self._blank(position, begin)
            if child.type == "comment":
                self._comment(begin, after)
            position = max(position, after)
        self._blank(position, end)

    def _blank(self, start: int, end: int) -> None:
        between = self.text[start:end] if start < end else ""
        if _BLANK.fullmatch(between) is None:
            raise Unread(between, "the shell grammar does not know this part")

    def _comment(self, start: int, end: int) -> None:
        """A comment starts where a word could, and takes its line; the grammar also sees one inside a word."""
        joined = self.text[start - 2 : start] == "\\\n"
        starts = start == 0 or self.text[start - 1] in " \t\n;&|()"
        if joined or not starts or (end < len(self.text) and self.text[end] != "\n"):
            raise Unread(self.text[start:end], "whether this is a comment is not clear")

    def _collect(self) -> None:
        for node in _walk(self.root):
            start, end = self.span(node) if node.type in _NESTED or node.type == "heredoc_redirect" else (0, 0)
            if node.type in _NESTED and not node.has_error:
                self._nested[start] = Nested(node.type, start, end)
            elif node.type == "heredoc_redirect":
                self._document(node)

    def _document(self, node: Node) -> None:
        parts: Mapping[str, Node] = {child.type: child for child in node.children}
        operator = parts.get("<<") or parts.get("<<-")
        if operator is None or "heredoc_start" not in parts or "heredoc_end" not in parts:
            return
        header = [each for each in node.children if each.type not in {"heredoc_body", "heredoc_end"}]
        line_end = self.text.find("\n", self.span(header[-1])[1])
        delimiter = self.raw(parts["heredoc_start"])
        end = self.span(parts["heredoc_end"])[0]
        found = _ending(self.text, line_end + 1, re.sub(r"[\\'\"]", "", delimiter), tabs=operator.type == "<<-")
        # The grammar starts the last line at its first letter, tabs before it or not.
        if line_end >= 0 and found is not None and self.text[found:end].strip("\t") == "":
            self._here[self.span(operator)[0]] = HereDocument(
                line_end + 1, found, operator.type == "<<-", literal=re.search(r"[\\'\"]", delimiter) is not None
            )


def _tree(data: bytes, text: str, deadline: float) -> Node:
    """The tree of a text. The parser tries many readings of what is no bash: it is stopped in time. Raises Unread."""
    try:
        return _parser.parse(
            lambda byte, _: data[byte : byte + _CHUNK], progress_callback=lambda _, __: thread_time() > deadline
        ).root_node
    except ValueError:  # what the binding raises for a parse that was stopped
        _parser.reset()
        raise Unread(text, "the shell grammar finds too many ways to read it") from None


def _swallowed(root: Node, text: str) -> list[int]:
    """The ends of lines that lie between two words of what the grammar holds for one command."""
    found: list[int] = []
    for node in _walk(root):
        if node.type != "command":
            continue
        for one, other in pairwise(node.children):
            between = text[one.end_byte : other.start_byte]
            at = between.find("\n")
            if other.type == "comment" or one.type == "comment":
                continue
            if at >= 0 and between[max(0, at - 1) : at] != "\\" and _BLANK.fullmatch(between):
                found.append(one.end_byte + at)
    return found


def _commented(root: Node, text: str) -> list[tuple[int, int]]:
    """Comments among the words of what the grammar holds for one command: they end its line."""
    return [
        (child.start_byte, child.end_byte)
        for node in _walk(root)
        if node.type == "command"
        for child in node.children
        if child.type == "comment" and text[child.start_byte - 1] in " \t" and text[child.end_byte :][:1] == "\n"
    ]


def _timed(root: Node, text: str) -> list[tuple[int, int]]:
    """Where `time` (and its -p) stands before a group or a loop."""
    commands = (node for node in _walk(root) if node.type == "command")
    matches = (_TIMED.match(text, node.start_byte) for node in commands)
    return [found.span(1) for found in matches if found is not None]


def _ending(text: str, position: int, delimiter: str, *, tabs: bool) -> int | None:
    """Where the first line starts that ends a here-document, from this position on."""
    while position <= len(text):
        stop = text.find("\n", position)
        line = text[position : stop if stop >= 0 else len(text)]
        if (line.lstrip("\t") if tabs else line) == delimiter:
            return position
        if stop < 0:
            return None
        position = stop + 1
    return None


def _walk(root: Node) -> Iterator[Node]:
    """Every node, without recursion: the depth is the writer's choice."""
    cursor = root.walk()
    while True:
        node = cursor.node
        if node is not None:
            yield node
        if cursor.goto_first_child() or cursor.goto_next_sibling():
            continue
        while cursor.goto_parent():
            if cursor.goto_next_sibling():
                break
        else:
            return
