"""The colours of a report, as its style sheet names them by what they say."""

import re
from pathlib import Path
from typing import Final

from runaway_watchdog.render import markup

STYLE: Final = (Path(markup.__file__).parent / "templates/report.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+):(#[0-9a-f]{6});", root)) for root in re.findall(r":root \{([^}]*)\}", STYLE)
)
PAIRS: Final = (
    ("ink", "page"), ("ink", "card"), ("quiet", "page"), ("quiet", "card"), ("good", "page"), ("bad", "page"),
    ("unsure", "page"), ("mark", "page"), ("mark", "card"), ("bad", "card"), ("good", "card"), ("unsure", "card"),
    ("do-ink", "do"), ("never-ink", "never"), ("quiet", "do"),
)  # fmt: skip
"""Every pair of a text's colour and what it stands on."""
