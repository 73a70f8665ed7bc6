"""A story as the HTML of a mail: one table column, inline styles, nothing loaded from elsewhere, dark where wanted.

Mail programs drop style sheets at will: every rule that matters is inline, and the style sheet only adds the dark
colours. Commands are `<pre>`, so that no program turns their dashes and quotes into typography;
a long one is only shown wrapped, and copied as the one line that it is.
"""

import html
from collections.abc import Iterator
from typing import Final

from runaway_watchdog.render.steps import MOST_NEVER, UNSHOWABLE, Move, Warned
from runaway_watchdog.render.story import Layer, OutlookLine, Story, Tone

_HEAD: Final = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>{title}</title>
<style>
@media (prefers-color-scheme: dark) {{
  body, .page {{ background: #16181d !important; color: #e6e6e6 !important }}
  .quiet {{ color: #a0a7b4 !important }}
  .line {{ border-color: #343a46 !important }}
  .good {{ color: #6fd08c !important }} .bad {{ color: #ff8a80 !important }} .unsure {{ color: #f2c14e !important }}
  .do {{ background: #10261a !important; color: #d6f5e1 !important; border-color: #2f6b47 !important }}
  .undo {{ color: #a0a7b4 !important; border-color: #4a5160 !important }}
  .never {{ background: #2d1416 !important; color: #ffd9d6 !important; border-color: #8a3a3a !important }}
}}
</style></head>
<body style="margin:0;padding:0;background:#ffffff;color:#1c1f24">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0"
 style="background:#ffffff;color:#1c1f24;table-layout:fixed"><tr><td align="center" style="padding:16px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"
 style="max-width:680px;table-layout:fixed;text-align:left;\
font:15px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif">
"""
_FOOT: Final = "</table>\n</td></tr></table>\n</body></html>\n"
_TONES: Final[dict[Tone, str]] = {"good": "#1b7f3b", "bad": "#b3261e", "unsure": "#8a5a00"}
_PRE: Final = (
    "margin:4px 0;padding:8px 10px;border-radius:4px;white-space:pre-wrap;overflow-wrap:anywhere;"
    "font:13px/1.4 Menlo,Consolas,'DejaVu Sans Mono',monospace;"
)
_DO: Final = _PRE + "background:#edf7f0;color:#12351f;border:1px solid #b9dfc6"
# Grey and thin: whoever pastes box after box must not undo what the box before did.
_UNDO: Final = _PRE + "padding:2px 10px;background:transparent;color:#5f6672;border:1px dashed #c3c8d0"
_NEVER: Final = _PRE + "background:#fdeeee;color:#5c1512;border:1px solid #efb8b5"


def page(title: str, notice: str, story: Story | None, tail: tuple[str, ...]) -> str:
    """The whole document. `notice` comes first (a resolution, a reminder); `tail` last, in quiet type."""
    sections = [_paragraph(notice)] if notice else []
    if story is not None:
        sections += [_what(story), _who(story), _outcomes(story.outcomes), _plan(story), _nevers(story.dangerous)]
        sections.append(_gaps(story.gaps))
    sections.append("<br>".join(marked_up(line) for line in tail))
    quiet = "padding:14px 0 0;font-size:13px;color:#5f6672"
    rows = [_row(section) for section in sections[:-1] if section]
    rows.append(f'<tr><td class="quiet" style="{quiet}">{sections[-1]}</td></tr>\n')
    return _HEAD.format(title=html.escape(title)) + "".join(rows) + _FOOT


def marked_up(words: str) -> str:
    """Escaped; what stands in a pair of backticks becomes code."""
    parts = html.escape(words, quote=True).split("`")
    if len(parts) % 2 == 0:
        return "`".join(parts)
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))


def _row(content: str) -> str:
    return f'<tr><td class="line" style="padding:12px 0;border-bottom:1px solid #e3e6eb">{content}</td></tr>\n'


def _paragraph(words: str) -> str:
    return f'<div style="font-size:16px"><b>{marked_up(words)}</b></div>'


def _quiet(words: str) -> str:
    return f'<div class="quiet" style="color:#5f6672;font-size:13px">{marked_up(words)}</div>'


def _heading(words: str) -> str:
    style = "font-size:12px;font-weight:bold;letter-spacing:.06em;padding-bottom:4px"
    return f'<div style="{style}">{marked_up(words)}</div>\n'


def _what(story: Story) -> str:
    first = f"<div>{marked_up(story.succession)}</div>" if story.succession else ""
    big = '<div style="font-size:18px;line-height:1.35"><b>'
    headline = f"{big}{marked_up(story.headline)}</b></div>" if story.headline else ""
    return first + headline + _harm(story.harm) + "".join(_quiet(line) for line in story.lead) + _course(story.course)


def _harm(words: str) -> str:
    """In the colour of its severity, and in words for whoever sees no colours."""
    tone: Tone = "bad" if words.startswith("Critical") else "unsure"
    return f'<div class="{tone}" style="color:{_TONES[tone]}"><b>{marked_up(words)}</b></div>' if words else ""


def _course(words: str) -> str:
    style = "color:#5f6672;font:12px/1.6 Menlo,Consolas,'DejaVu Sans Mono',monospace"
    return f'<div class="quiet" style="{style}">{marked_up(words)}</div>' if words else ""


def _who(story: Story) -> str:
    if not story.layers and not story.returns:
        return ""
    layers = "".join(_layer(layer, depth) for depth, layer in enumerate(story.layers))
    answer = f'<div style="padding-bottom:4px">{marked_up(story.returns)}</div>' if story.returns else ""
    return _heading("WHO BRINGS IT BACK") + answer + layers


def _layer(layer: Layer, depth: int) -> str:
    branch = "&#8627; " if depth else ""
    details = "".join(_quiet(detail) for detail in layer.details)
    return (
        f'<div style="padding:0 0 4px {depth * 18}px">{branch}<b>{marked_up(layer.name)}</b>: {marked_up(layer.what)}'
        f"{details}</div>\n"
    )


def _outcomes(outcomes: tuple[OutlookLine, ...]) -> str:
    shown = [each for each in outcomes if each.ordinary]
    if not shown:
        return ""
    rows = "".join(_outcome(each) for each in shown)
    return _heading("IF YOU…") + f'<table role="presentation" cellpadding="0" cellspacing="0">{rows}</table>'


def _outcome(outcome: OutlookLine) -> str:
    label = f'<td valign="top" style="padding:1px 14px 1px 0;white-space:nowrap">{marked_up(outcome.action)}</td>'
    tone = f'<b class="{outcome.tone}" style="color:{_TONES[outcome.tone]}">{marked_up(outcome.result)}</b>'
    why = _quiet(outcome.why) if outcome.why else ""
    return f'<tr>{label}<td valign="top" style="padding:1px 0">{tone}{why}</td></tr>\n'


def _plan(story: Story) -> str:
    if not story.goal and not story.moves:
        return ""
    heading = "DO THIS, AS ROOT" if story.moves else "DO THIS"
    moves = "".join(_move(number, move) for number, move in enumerate(story.moves, start=1))
    return _heading(heading) + f"<div>{marked_up(story.goal)}</div>\n" + moves


def _move(number: int, move: Move) -> str:
    parts = [f'<div style="padding-top:10px"><b>{number}. {marked_up(move.title)}</b></div>', _quiet(move.effect)]
    parts += _command(move.command, "do", _DO)
    if move.undo is not None:
        parts.append(_quiet(f"only to undo step {number}:"))
        parts += _command(move.undo, "undo", _UNDO)
    return "".join(parts) + "\n"


def _command(command: str | None, kind: str, style: str) -> Iterator[str]:
    yield f'<pre class="{kind}" style="{style}">{html.escape(command)}</pre>' if command else _quiet(UNSHOWABLE)


def _nevers(nevers: tuple[Warned, ...]) -> str:
    return _heading("NEVER THIS") + "".join(_warned(never) for never in nevers[:MOST_NEVER]) if nevers else ""


def _warned(never: Warned) -> str:
    losses = "".join(f"<li>{marked_up(loss)}</li>" for loss in never.losses)
    listed = f'<ul style="margin:4px 0;padding-left:22px">{losses}</ul>' if losses else ""
    return "".join(_command(never.command, "never", _NEVER)) + f"<div>{marked_up(never.why)}</div>{listed}\n"


def _gaps(gaps: tuple[tuple[str, str], ...]) -> str:
    if not gaps:
        return ""
    return _heading("NOT SEEN") + "".join(f"<div>{marked_up(problem)}</div>{_quiet(mend)}" for problem, mend in gaps)
