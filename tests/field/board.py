"""What was said of the field's lines, counted by kind: the losses that were called harmless stand first. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from .cases import EVERYDAY, Case
from .judging import Judged

VERDICTS = ("safe", "interrupts", "unknown", "destroys-data")


def losing(judged: Sequence[Judged], cases: Iterable[Case]) -> list[tuple[Case, Judged]]:
    """The lines that really lose data, each with what was said of it."""
    said = {each.id: each for each in judged}
    return [(case, said[case.id]) for case in cases if case.loses_data and case.id in said]


def false_safe(judged: Sequence[Judged], cases: Iterable[Case]) -> list[str]:
    """The IDs of those that lose data and were called safe or interrupting: none may be."""
    return [case.id for case, said in losing(judged, cases) if said.verdict in ("safe", "interrupts")]


def board(judged: Sequence[Judged], cases: Sequence[Case]) -> str:
    """The table in Markdown, and the IDs behind each figure."""
    said = {each.id: each for each in judged}
    groups: dict[str, list[Case]] = {}
    for case in cases:
        if case.id in said:
            name = case.kind if case.kind == EVERYDAY else f"{case.kind} {'loses' if case.loses_data else 'keeps'}"
            groups.setdefault(name, []).append(case)
    permissions = [f"guard --check: {each}" for each in ("allow", "ask", "deny")]
    shell = [f"guard: {each}" for each in ("silent", "note", "cannot judge", "ask", "hold")]
    head = ["lines", *VERDICTS, *permissions, *shell]
    rows = [_row(name, [said[case.id] for case in group]) for name, group in groups.items()]
    lost = [said[case.id] for case, _ in losing(judged, cases)]
    lines = ["| kind | " + " | ".join(head) + " |", "| --- |" + " ---: |" * len(head), *rows, _row("all losing", lost)]
    for name, group in groups.items():
        lines += ["", f"## {name}", *_ids(group, said)]
    return "\n".join(lines) + "\n"


def _row(name: str, said: Sequence[Judged]) -> str:
    verdicts = Counter(each.verdict for each in said)
    permissions = Counter(each.permission for each in said)
    shell = Counter(each.guard for each in said)
    figures = [len(said), *(verdicts[each] for each in VERDICTS)]
    figures += [permissions[each] for each in ("allow", "ask", "deny")]
    figures += [shell[each] for each in ("silent", "note", "cannot judge", "ask", "hold")]
    return f"| {name} | {' | '.join(str(each or '') for each in figures)} |"


def _ids(group: Iterable[Case], said: dict[str, Judged]) -> list[str]:
    found: dict[str, list[str]] = {}
    for case in group:
        each = said[case.id]
        found.setdefault(f"{each.verdict} / {each.permission} / {each.guard}", []).append(case.id)
    return [f"- {name}: {' '.join(ids)}" for name, ids in sorted(found.items())]


def shown(case: Case, said: Judged) -> str:
    """One line of the field with what was said of it; a loss that is called harmless stands out."""
    wrong = case.loses_data and said.verdict in ("safe", "interrupts")
    head = f"{'!!' if wrong else '  '} {case.id:10} {case.kind:8} {said.verdict:13} {said.permission:5} {said.guard:12}"
    parts = [f"{head} {case.folder}: {case.line!r}"]
    parts += [f"{'':15}loses {each}" for each in said.lost]
    parts += [f"{'':15}not known: {each}" for each in said.unknown]
    return "\n".join(parts)
