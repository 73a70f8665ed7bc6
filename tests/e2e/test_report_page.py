"""The report in Debian's Chromium: it loads nothing, runs nothing but its own script, and is whole without a mouse."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e import browser as chromium
from e2e.browser import Browser
from support.report_colours import DARK, LIGHT
from unit.golden.cases import NOW, hostile_case
from unit.golden.report_case import report

from runaway_watchdog.render.report import Moment, Report, page

HOSTILE = "</pre><script>window.taken=1</script><img src=x onerror=window.taken=1>\u202e`\"'&" + "W" * 200


@pytest.fixture(scope="module")
def shown() -> Iterator[Browser]:
    lacking = chromium.missing()
    if lacking is not None:
        pytest.skip(lacking)
    with chromium.browser() as opened:
        yield opened


def show(shown: Browser, told: Report, folder: Path) -> None:
    file = folder / "report.html"
    file.write_text(page(told, NOW), encoding="utf-8", errors="replace")
    shown.open(file)


def colour(hexadecimal: str) -> str:
    red, green, blue = (int(hexadecimal[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def test_page_loads_and_breaks_nothing(shown: Browser, tmp_path: Path) -> None:
    """One request, for the file itself; no error, and no word from its content policy."""
    show(shown, report(), tmp_path)
    asked = [event["request"]["url"] for event in shown.happened("Network.requestWillBeSent")]
    assert asked == [(tmp_path / "report.html").as_uri()]
    assert shown.happened("Log.entryAdded") == []
    assert shown.happened("Runtime.exceptionThrown") == []


def test_page_is_read_in_the_order_of_the_contract(shown: Browser, tmp_path: Path) -> None:
    """Headings, landmarks and every button have a name; the curve is told in words."""
    show(shown, report(), tmp_path)
    told = shown.tree()
    sections = [name for role, name in told if role == "heading"]
    assert sections[:5] == [
        "CPU 100 %: ocr/worker on web1 - Docker revives it", "What happened", "CPU over time", "Who brings it back",
        "If you…",
    ]  # fmt: skip
    places = [sections.index(each) for each in ("Do this, as root", "Never this", "What shares the host", "Evidence")]
    assert places == sorted(places)
    assert {role for role, _ in told} >= {"banner", "main", "contentinfo", "status", "region"}
    assert next(name for role, name in told if role in ("image", "img")).startswith("CPU of ")
    buttons = [name for role, name in told if role == "button"]
    assert buttons[:2] == ["Copy step 1", "Copy undo of step 1"]
    assert len(set(buttons)) == len(buttons) == 6


def test_keyboard_reaches_everything_in_reading_order(shown: Browser, tmp_path: Path) -> None:
    """Tab goes to the curve, its table, and each command; Enter copies it exactly, and says so."""
    show(shown, report(), tmp_path)
    reached = []
    for _ in range(8):
        shown.press("Tab")
        where = "document.activeElement"
        reached.append(shown.value(f"{where}.dataset.copies || {where}.className || {where}.localName"))
    assert reached == ["chart", "summary", "do-1", "undo-1", "do-2", "undo-2", "do-3", "undo-3"]
    shown.call("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    shown.press("Enter")
    said = shown.value("new Promise(done => setTimeout(() => done(document.getElementById('told').textContent), 300))")
    assert said == "Copied: docker start ocr-worker-1"
    assert shown.value("navigator.clipboard.readText()") == "docker start ocr-worker-1"


@pytest.mark.parametrize(("scheme", "colours"), [("light", LIGHT), ("dark", DARK)])
def test_both_schemes_are_shown(shown: Browser, tmp_path: Path, scheme: str, colours: dict[str, str]) -> None:
    """The reader's own choice decides."""
    shown.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    show(shown, report(), tmp_path)
    assert shown.value("getComputedStyle(document.body).backgroundColor") == colour(colours["page"])
    assert shown.value("getComputedStyle(document.body).color") == colour(colours["ink"])
    shown.screenshot(tmp_path / f"{scheme}.png")
    assert (tmp_path / f"{scheme}.png").stat().st_size > 50_000


def test_hostile_names_run_and_break_nothing(shown: Browser, tmp_path: Path) -> None:
    """Markup in any text is text; a word of 200 letters does not push a phone's page out of its width."""
    told = report()._replace(case=hostile_case(HOSTILE), title=HOSTILE, state=HOSTILE, severity=HOSTILE, harm=HOSTILE,
        group=HOSTILE, moments=(Moment(NOW - 900, "opened", HOSTILE), Moment(NOW - 800, HOSTILE, HOSTILE)),
        sharing=((HOSTILE, 3.0),),
    )  # fmt: skip
    shown.call("Emulation.setDeviceMetricsOverride", width=360, height=640, deviceScaleFactor=2, mobile=False)
    show(shown, told, tmp_path)
    assert shown.value("window.taken") is None
    assert shown.value("document.images.length") == 0
    assert shown.value("document.scripts.length") == 1
    assert shown.happened("Log.entryAdded") == []
    assert shown.value("document.documentElement.scrollWidth") <= 360
    assert "\u202e" not in shown.value("document.body.innerText")
    shown.call("Emulation.clearDeviceMetricsOverride")


def test_phone_gets_no_column_of_single_letters(shown: Browser, tmp_path: Path) -> None:
    """What follows from each action is read below it there, in whole words."""
    shown.call("Emulation.setDeviceMetricsOverride", width=360, height=640, deviceScaleFactor=2, mobile=False)
    show(shown, report(), tmp_path)
    cells = "[...document.querySelectorAll('.stacked td, .stacked th[scope=row]')]"
    assert shown.value(f"Math.min(...{cells}.map(each => each.getBoundingClientRect().width))") > 300
    shown.call("Emulation.clearDeviceMetricsOverride")
