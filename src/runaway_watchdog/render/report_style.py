"""How a report looks, and its one script. Colours are named by what they say; each pair is readable in both schemes."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Final

LIGHT: Final[Mapping[str, str]] = {
    "page": "#ffffff", "card": "#f6f7f9", "ink": "#1c1f24", "quiet": "#565d69", "line": "#d5d9e0",
    "good": "#176b33", "bad": "#a9221b", "unsure": "#7a4d00", "mark": "#1f5fbf",
    "do": "#edf7f0", "do-ink": "#12351f", "never": "#fdeeee", "never-ink": "#5c1512",
}  # fmt: skip
DARK: Final[Mapping[str, str]] = {
    "page": "#16181d", "card": "#1f232a", "ink": "#e8e8ea", "quiet": "#a9b0bd", "line": "#3a414d",
    "good": "#6fd08c", "bad": "#ff8a80", "unsure": "#f2c14e", "mark": "#86b4ff",
    "do": "#10261a", "do-ink": "#d6f5e1", "never": "#2d1416", "never-ink": "#ffd9d6",
}  # fmt: skip
PAIRS: Final = (
    ("ink", "page"), ("ink", "card"), ("quiet", "page"), ("quiet", "card"), ("good", "page"), ("bad", "page"),
    ("unsure", "page"), ("mark", "page"), ("mark", "card"), ("bad", "card"), ("good", "card"), ("unsure", "card"),
    ("do-ink", "do"), ("never-ink", "never"), ("quiet", "do"),
)  # fmt: skip
"""Every pair of a text's colour and what it stands on."""


def _variables(colours: Mapping[str, str]) -> str:
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


STYLE: Final = (
    f"""
:root {{ color-scheme: light dark; {_variables(LIGHT)} }}
@media (prefers-color-scheme: dark) {{ :root {{ {_variables(DARK)} }} }}
"""
    + """
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 0 1rem }
header { padding-top: 1.5rem }
footer { padding-bottom: 2rem; border-top: 1px solid var(--line); margin-top: 2rem }
h1 { font-size: 1.5rem; line-height: 1.3; margin: .3rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; overflow-wrap: anywhere }
p, li, td, th { overflow-wrap: anywhere }
p { margin: .3rem 0 }
.quiet { color: var(--quiet); font-size: .9rem }
.good { color: var(--good); font-weight: 600 } .bad { color: var(--bad); font-weight: 600 }
.unsure { color: var(--unsure); font-weight: 600 }
code, pre { font-family: ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: .87rem;
  font-variant-ligatures: none }
.command { display: flex; align-items: flex-start; gap: .5rem; margin: .3rem 0 }
pre { flex: 1; min-width: 0; margin: 0; padding: .5rem .7rem; border-radius: 4px; white-space: pre-wrap;
  overflow-wrap: anywhere; background: var(--card); border: 1px solid var(--line) }
.do pre { background: var(--do); color: var(--do-ink); border-color: var(--good) }
.undo pre { padding: .2rem .7rem; border-style: dashed }
.never pre { background: var(--never); color: var(--never-ink); border-color: var(--bad) }
button { font: inherit; font-size: .85rem; padding: .4rem .8rem; border: 1px solid var(--mark); border-radius: 4px;
  background: var(--page); color: var(--mark); cursor: pointer }
button:hover { background: var(--card) }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line) }
th { font-weight: 600 } th[scope="row"] { min-width: 9rem }
td.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
ol, ul { padding-left: 1.4rem; margin: .3rem 0 } ol.story { list-style: none; padding: 0 }
ol.story li { padding: .15rem 0 .15rem .8rem; border-left: 3px solid var(--line) }
ol.story time { display: inline-block; min-width: 7.5rem; font-variant-numeric: tabular-nums }
ol.story li.died { border-color: var(--bad) } ol.story li.returned, ol.story li.opened { border-color: var(--unsure) }
ol.story li.resolved { border-color: var(--good) }
ul.tree ul { border-left: 2px solid var(--line); list-style: none; padding-left: 1rem; margin-left: .2rem }
.chart { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 4px }
.chart svg { display: block; width: 100%; min-width: 34rem; height: auto; color: var(--ink) }
.chart text { font: 12px system-ui, 'DejaVu Sans', sans-serif; fill: var(--quiet) }
.grid { stroke: var(--line); fill: none } .area { fill: var(--mark); opacity: .18 }
.curve { stroke: var(--mark); stroke-width: 2; fill: none; stroke-linejoin: round }
.span { stroke: var(--unsure); stroke-dasharray: 4 3; fill: none }
.death { stroke: var(--bad); stroke-width: 2; fill: none } .back { fill: var(--good); stroke: none }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: .4rem 0; padding: 0; list-style: none }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
@media (max-width: 36rem) {
  .command { flex-direction: column; align-items: stretch } .command button { align-self: flex-start }
  ol.story time { min-width: 5.5rem }
  .stacked :is(tr, th, td) { display: block; border: 0; padding: .1rem 0 } .stacked tr:first-child { display: none }
  .stacked tr { border-bottom: 1px solid var(--line); padding: .4rem 0 }
}
@media print { button { display: none } .chart { break-inside: avoid } }
"""
)

SCRIPT: Final = """
'use strict';
const told = document.getElementById('told');
function selected(text) {
  const range = document.createRange();
  range.selectNodeContents(text);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  return document.execCommand('copy');
}
for (const button of document.querySelectorAll('button[data-copies]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const text = document.getElementById(button.dataset.copies);
    let copied = true;
    try { await navigator.clipboard.writeText(text.textContent); } catch { copied = selected(text); }
    told.textContent = copied ? 'Copied: ' + text.textContent : 'Not copied: select the command and copy it yourself';
    const words = button.firstChild.textContent;
    button.firstChild.textContent = copied ? 'Copied' : 'Not copied';
    setTimeout(() => { button.firstChild.textContent = words; }, 2000);
  }, { passive: true });
}
"""


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; style-src {_hash(STYLE)}; script-src {_hash(SCRIPT)}; base-uri 'none'; form-action 'none'"
)
"""The page loads nothing and runs nothing but this script, whatever a name in it tries."""
