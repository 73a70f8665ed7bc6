"""One incident as one page that needs nothing else: no network, no other file. For reading, printing and keeping.

Headings and landmarks are in the order of the contract; what is drawn is told in words and as a table too.
"""

import html
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.render import figures
from runaway_watchdog.render.curve import Mark, Point, curve
from runaway_watchdog.render.html import marked_up
from runaway_watchdog.render.report_style import POLICY, SCRIPT, STYLE
from runaway_watchdog.render.steps import UNSHOWABLE, Advised, Move, Warned, safe
from runaway_watchdog.render.story import Layer, OutlookLine, Story, tell

MOST_ROWS: Final = 40
"""Of the curve as a table."""
_BADGES: Final = {"critical": "bad", "warning": "unsure", "info": "quiet"}


class Moment(NamedTuple):
    """One line of the story."""

    at: float
    kind: str  # opened, died, returned, resolved …: chooses the colour and the mark on the curve
    words: str


class Report(NamedTuple):
    """What a page tells. All text may be hostile."""

    number: int
    title: str
    state: str
    severity: str
    harm: str
    case: CaseFile | None  # None: it was never explained
    made_at: float  # when it was explained
    group: str
    moments: tuple[Moment, ...]
    points: tuple[Point, ...]
    sharing: tuple[tuple[str, float], ...]  # (group, mean percent of a core), the busiest first


def page(report: Report, now: float) -> str:
    """The whole document, written at `now`."""
    story = None if report.case is None else tell(report.case, report.made_at)
    sections = [*_happened(report, story, now), *_measured(report, now)]
    if story is not None:
        sections += [*_keepers(story), *_outcomes(story), *_plan(story), *_never(story), *_afterwards(story)]
    sections += _sharing(report)
    if story is not None:
        sections += [*_evidence(story), *_unseen(story)]
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{marked_up(_title(report))}</title>
<style>{STYLE}</style></head>
<body>
<header>
<p class="quiet">Incident {report.number} · {_badge(report.severity)} · {marked_up(safe(report.state, 40))}</p>
<h1>{marked_up(safe(report.title, 200))}</h1>
</header>
<main>
{"".join(sections)}</main>
<p id="told" class="hidden" role="status"></p>
<footer>{_footer(report, now)}</footer>
<script>{SCRIPT}</script>
</body></html>
"""


def _title(report: Report) -> str:
    return f"Incident {report.number}: {safe(report.title, 120)}"


def _badge(severity: str) -> str:
    return f'<span class="{_BADGES.get(severity, "quiet")}">{html.escape(safe(severity, 20))}</span>'


def _section(name: str, title: str, parts: Iterable[str]) -> Iterator[str]:
    """Nothing where there is nothing to tell."""
    content = "\n".join(part for part in parts if part)
    if content:
        yield f'<section aria-labelledby="{name}">\n<h2 id="{name}">{html.escape(title)}</h2>\n{content}\n</section>\n'


def _paragraph(words: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f"<p{named}>{marked_up(words)}</p>" if words else ""


# --- what happened ---------------------------------------------------------------------------------------------


def _happened(report: Report, story: Story | None, now: float) -> Iterator[str]:
    parts = [_paragraph(safe(report.harm), _BADGES.get(report.severity, ""))]
    if story is None:
        parts.append(_paragraph("No explanation was made of it: it ended before anybody could look."))
    else:
        parts += [_paragraph(story.succession), _paragraph(story.headline)]
        parts += [_paragraph(line, "quiet") for line in story.lead]
    rows = "".join(_moment(moment, now) for moment in report.moments)
    parts.append(f'<ol class="story">{rows}</ol>' if rows else "")
    yield from _section("happened", "What happened", parts)


def _moment(moment: Moment, now: float) -> str:
    kind = moment.kind if moment.kind.isidentifier() else ""
    return f'<li class="{kind}">{_time(moment.at, now)} {marked_up(safe(moment.words))}</li>\n'


def _time(at: float, now: float) -> str:
    machine = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
    return f'<time datetime="{machine}">{figures.clock(at, now, seconds=True)}</time>'


# --- the curve -------------------------------------------------------------------------------------------------

_MARKS: Final = {"died": "death", "returned": "return", "opened": "span", "reopened": "span", "resolved": "span"}


def _measured(report: Report, now: float) -> Iterator[str]:
    if len(report.points) < 2:
        lacking = _paragraph("The watch has kept no curve of it: it was not running, or it was over too soon.")
        yield from _section("cpu", "CPU over time", [lacking])
        return
    told = _told(report, now)
    marks = [
        Mark(each.at, _MARKS[each.kind], f"{figures.clock(each.at, now, seconds=True)} {safe(each.words, 120)}")  # type: ignore[arg-type]
        for each in report.moments
        if each.kind in _MARKS
    ]
    drawn = curve(report.points, marks, told)
    parts = [
        f'<div class="chart" tabindex="0" role="region" aria-label="CPU curve">{drawn}</div>',
        _paragraph(told),
        _legend({mark.kind for mark in marks}),
        _table(report.points, now),
    ]
    yield from _section("cpu", "CPU over time", parts)


def _told(report: Report, now: float) -> str:
    """The curve in one sentence."""
    percents = [percent for _, percent in report.points]
    first, last = (figures.clock(report.points[end][0], now) for end in (0, -1))
    mean = sum(percents) / len(percents)
    deaths = sum(each.kind == "died" for each in report.moments)
    seen = f", {deaths} death{'' if deaths == 1 else 's'}" if deaths else ""
    highest = figures.share(max(percents))
    return f"CPU of {safe(report.group, 120)} from {first} to {last}: mean {mean:.0f} %, at most {highest}{seen}."


_LEGEND: Final = (
    ("death", "×", "bad", "a process of it ended"),
    ("return", "▲", "good", "the same work came back"),
    ("span", "┆", "unsure", "the incident opened, or was over"),
)


def _legend(kinds: set[str]) -> str:
    shown = [
        f'<li class="quiet"><span class="{tone}" aria-hidden="true">{sign}</span> {words}</li>'
        for kind, sign, tone, words in _LEGEND
        if kind in kinds
    ]
    return f'<ul class="legend">{"".join(shown)}</ul>' if shown else ""


def _table(points: Sequence[Point], now: float) -> str:
    """The same figures for reading; of a long curve the mean of several steps a row."""
    size = -(-len(points) // MOST_ROWS)
    parts = [points[at : at + size] for at in range(0, len(points), size)]
    means = [(part[0][0], sum(percent for _, percent in part) / len(part)) for part in parts]
    rows = "".join(
        f'<tr><td>{_time(at, now)}</td><td class="number">{percent:.0f} %</td></tr>\n' for at, percent in means
    )
    head = '<tr><th scope="col">from</th><th scope="col">mean, of one core</th></tr>'
    return f"<details><summary>The same as a table</summary><table>{head}{rows}</table></details>"


# --- who, and what follows -------------------------------------------------------------------------------------


def _keepers(story: Story) -> Iterator[str]:
    parts = [_paragraph(story.returns)]
    if story.layers:
        inner = ""
        for depth, layer in reversed(list(enumerate(story.layers))):
            inner = f"<li>{_layer(layer)}{inner}</li>"
            inner = f"<ul{' class=tree' if depth == 0 else ''}>{inner}</ul>"
        parts.append(inner)
    yield from _section("who", "Who brings it back", parts)


def _layer(layer: Layer) -> str:
    details = "".join(f'<br><span class="quiet">{marked_up(each)}</span>' for each in layer.details)
    return f"<b>{marked_up(layer.name)}</b>: {marked_up(layer.what)}{details}"


def _outcomes(story: Story) -> Iterator[str]:
    if story.outcomes:
        head = '<tr><th scope="col">If you…</th><th scope="col">this follows</th><th scope="col">because</th></tr>'
        rows = "".join(map(_outcome, story.outcomes))
        yield from _section("if", "If you…", [f'<table class="stacked">{head}{rows}</table>'])


def _outcome(outcome: OutlookLine) -> str:
    return (
        f'<tr><th scope="row">{marked_up(outcome.action)}</th>'
        f'<td class="{outcome.tone}">{marked_up(outcome.result)}</td><td>{marked_up(outcome.why)}</td></tr>\n'
    )


# --- the plan --------------------------------------------------------------------------------------------------


def _plan(story: Story) -> Iterator[str]:
    parts = [_paragraph(story.goal), *(_move(number, move) for number, move in enumerate(story.moves, start=1))]
    if story.remaining_triggers:
        parts.append(_paragraph("Still open when all of it is done:") + _list(story.remaining_triggers))
    yield from _section("do", "Do this, as root" if story.moves else "Do this", parts)


def _move(number: int, move: Move) -> str:
    said = move.title.lower().startswith(move.phase)
    phase = "" if said else f' <span class="quiet">({marked_up(move.phase)})</span>'
    parts = [
        f"<h3>{number}. {marked_up(move.title)}{phase}</h3>",
        _paragraph(move.effect, "quiet"),
        _command(move.command, f"do-{number}", "do", f"Copy step {number}"),
        _paragraph(f"Check: {move.verify}" if move.verify else "", "quiet"),
    ]
    if move.undo is not None:
        parts.append(_paragraph(f"Only to undo step {number}:", "quiet"))
        parts.append(_command(move.undo, f"undo-{number}", "undo", f"Copy undo of step {number}"))
    return "\n".join(part for part in parts if part)


def _command(command: str | None, name: str, kind: str, button: str) -> str:
    """The button shows itself where scripts run; nobody is offered to copy what must never run."""
    if not command or command == UNSHOWABLE:
        return _paragraph(UNSHOWABLE, "quiet")
    offered = f'<button type="button" data-copies="{name}" hidden>{button}</button>' if button else ""
    return f'<div class="command {kind}"><pre id="{name}">{html.escape(command)}</pre>{offered}</div>'


def _never(story: Story) -> Iterator[str]:
    yield from _section("never", "Never this", (_warned(n, never) for n, never in enumerate(story.dangerous, start=1)))


def _warned(number: int, never: Warned) -> str:
    return _command(never.command, f"never-{number}", "never", "") + _paragraph(never.why) + _list(never.losses)


def _afterwards(story: Story) -> Iterator[str]:
    yield from _section("afterwards", "Afterwards, so that its return is harmless", map(_advised, story.hardening))


def _advised(advice: Advised) -> str:
    where = f" ({advice.where})" if advice.where else ""
    lines = html.escape("\n".join(advice.lines))
    return _paragraph(advice.what + where) + (f"<pre>{lines}</pre>" if lines else "")


def _list(items: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{marked_up(each)}</li>' for each in items)}</ul>" if items else ""


# --- the rest --------------------------------------------------------------------------------------------------


def _sharing(report: Report) -> Iterator[str]:
    if not report.sharing:
        return
    head = '<tr><th scope="col">Group</th><th scope="col">mean, of one core</th></tr>'
    rows = "".join(
        f"<tr><td>{marked_up(safe(group, 200))}{' (this one)' if group == report.group else ''}</td>"
        f'<td class="number">{percent:.1f} %</td></tr>\n'
        for group, percent in report.sharing
    )
    yield from _section("sharing", "What shares the host", [f"<table>{head}{rows}</table>"])


def _evidence(story: Story) -> Iterator[str]:
    parts = (f"<h3>{marked_up(layer.name)}</h3>{_list(layer.evidence)}" for layer in story.layers if layer.evidence)
    yield from _section("evidence", "Evidence", parts)


def _unseen(story: Story) -> Iterator[str]:
    parts = [f"<li>{marked_up(problem)} → {marked_up(mend)}</li>" for problem, mend in story.gaps]
    yield from _section("unseen", "Not seen", [f"<ul>{''.join(parts)}</ul>" if parts else ""])


def _footer(report: Report, now: float) -> str:
    host = "" if report.case is None else f" on {safe(report.case.host, 60)}"
    explained = "" if report.case is None else f" Explained {figures.stamp(report.made_at)}."
    look = f"The newest state, on that host: `sudo runaway-watchdog explain --incident {report.number}`"
    return _paragraph(f"Written {figures.stamp(now)}{host}.{explained}", "quiet") + _paragraph(look, "quiet")
