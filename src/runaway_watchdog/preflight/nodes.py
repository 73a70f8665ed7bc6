"""The shapes in which tree-sitter-bash gives redirections, operators and loop bodies."""

from collections.abc import Sequence
from typing import Literal

from tree_sitter import Node

from runaway_watchdog.preflight.grammar import Source, Unread

Span = tuple[int, int]
Operator = Literal["", "&&", "||"]
REDIRECTS = frozenset(("file_redirect", "herestring_redirect", "heredoc_redirect"))


def redirections(node: Node, body: Node | None, source: Source) -> tuple[list[Span], list[Node]]:
    """Where the redirections after `body` stand, and what a here-document's first line goes on with."""
    start = source.span(node)[0] if body is None else source.span(body)[1]
    spans: list[Span] = []
    following: list[Node] = []
    for child in node.children:
        if child.type != "heredoc_redirect":
            continue
        for part in child.children:
            if part.type == "heredoc_start":
                spans.append((start, source.span(part)[1]))
            elif part.type in {"&&", "||", "pipeline", "list"} or following:
                following.append(part)
            elif part.type not in {"<<", "<<-", "file_descriptor", "heredoc_body", "heredoc_end"}:
                spans.append(source.span(part))
        start = source.span(child)[1]
    spans.append((start, source.span(node)[1]))
    return [span for span in spans if span[0] < span[1]], following


def operator(node: Node) -> Operator:
    return "&&" if node.type == "&&" else "||"


def operands(node: Node, source: Source) -> list[tuple[Operator, Node]]:
    """The parts of `a && b || c`, the first one's operator "". It leans to the left, however long it is."""
    found: list[tuple[Operator, Node]] = []
    while node.type == "list":
        source.check(node)
        parts = [child for child in node.children if child.type != "comment"]
        if len(parts) != 3 or parts[1].type not in {"&&", "||"}:
            raise Unread(source.raw(node), "this kind of list is not read")
        found.append((operator(parts[1]), parts[2]))
        node = parts[0]
    return [("", node), *reversed(found)]


def do_group(node: Node, source: Source) -> Node:
    body = node.children[-1]
    if body.type not in {"do_group", "compound_statement"}:
        raise Unread(source.raw(node), "this loop's body was not found")
    return body


def loop_head(node: Node, source: Source) -> tuple[str, list[Node]]:
    """`for NAME`, and what stands from `in` on."""
    head = [child for child in node.children[:-1] if child.type not in {";", "\n", "comment"}]
    if len(head) < 2 or head[0].type not in {"for", "select"} or head[1].type != "variable_name":
        raise Unread(source.raw(node), "this loop is not read")
    return source.raw(head[1]), head[2:]


def between(children: Sequence[Node], source: Source) -> Span:
    """What stands between the first and the last of them."""
    inner = (source.span(children[0])[1], source.span(children[-1])[0])
    if any(edge.is_named or edge.is_missing for edge in (children[0], children[-1])):
        raise Unread(source.text[inner[0] : inner[1]], "where this begins or ends was not found")
    return inner
