"""`scan`: its table, its document, and the live view that leaves the terminal as it found it."""

import argparse
import io
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from runaway_watchdog.cli import scan
from runaway_watchdog.cli.scan import Hot, Look, Recorded
from runaway_watchdog.linux.unlisted import Unlisted
from runaway_watchdog.model.casefile import SeenDeath
from runaway_watchdog.model.events import Death, Ending, Return, Sender
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.owner import KindName, Outlook, Owner, reasons
from runaway_watchdog.store import records
from runaway_watchdog.store.database import connect

NOW = 1_000_000.0
DEAD, NEXT = ProcKey("b", 2, 2), ProcKey("b", 3, 5000)


def owner(kind: KindName, name: str, policy: str) -> Owner:
    return Owner(kind, name, "id", policy, {}, ())


def outlook(returns: bool | None, by: str | None, *, ends: bool = True) -> Outlook:
    return Outlook("sigkill", ends, returns, by, None, "certain", reasons(""))


HOT = (
    Hot(4, 99.7, "tesseract", owner("compose-service", "ocr/worker", "always"), outlook(True, "docker"), NOW - 9e4,
        NOW - 780),
    Hot(5, 40.2, "x\x1b[2Jy", owner("unmanaged", "x\x1b[31m" + "y" * 80, "none"), outlook(False, None), NOW - 60, None),
    Hot(4194304, 12.0, "z", owner("cron-job", "root: /usr/bin/z", "* * * * *"), outlook(None, None), NOW - 3600, None),
    Hot(7, 3.0, "kworker", owner("kernel-thread", "kworker", "none"), outlook(False, None, ends=False), NOW - 3600,
        None),
)  # fmt: skip


def shown(width: int) -> list[str]:
    """The table's lines on a terminal of this width."""
    screen = Console(file=io.StringIO(), width=width, force_terminal=False)
    screen.print(scan.table(Look(NOW, HOT, ())))
    text = screen.file.getvalue() if isinstance(screen.file, io.StringIO) else ""
    return text.splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_and_tells_all(width: int) -> None:
    """CPU, owner, policy, whether it comes back and since when, each on one line; long names give way."""
    lines = shown(width)
    assert lines[0].split() == ["CPU", "PID", "NAME", "OWNER", "POLICY", "COMES", "BACK?", "SINCE"]
    assert len(lines) == 1 + len(HOT)
    assert all(len(line) <= width and "\x1b" not in line for line in lines)
    assert re.search(r"100 % +4 +tesser.* ocr/worker +always +yes, by docker +hot for 13 min", lines[1])
    assert re.search(r"none +no +up 1 min *$", lines[2])
    assert re.search(r"4194304 +z +root: /us.* \* \* \* \* \* +may be +up 1 h", lines[3])
    assert "does not end" in lines[4]


def test_the_document_tells_since_when() -> None:
    """Both moments: when it was started, and since when the watch has seen it burn."""
    document = scan._whole(Look(NOW, HOT[:2], ()))
    first, second = document["hot"]
    assert (first["started_at"], first["hot_since"]) == ("1970-01-11T12:46:40+00:00", "1970-01-12T13:33:40+00:00")
    assert (second["hot_since"], second["returns_after_sigkill"]) == (None, False)
    assert "\x1b" not in second["name"]


def test_the_watchs_record_is_asked(tmp_path: Path) -> None:
    """Since when it burns is what the watch saw of this very process; without a history nobody knows."""
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/watchdog.db"\n')
    options = argparse.Namespace(config=config)
    gaps: dict[Gap, None] = {}
    assert scan._recorded(options, gaps) == Recorded()
    store = connect(tmp_path / "watchdog.db")
    lineage, key = records.LineageRecord("key", "/a", "burn"), ProcKey("b", 1, 2)
    records.put_process(store, records.ProcessRecord(key, lineage, "[]", 1.0, 77.0), NOW)
    records.put_process(store, records.ProcessRecord(DEAD, lineage, "[]", 1.0, None), NOW)
    records.put_death(store, Death(DEAD, 50.0, exact=True, ending=Ending(signal=9)))
    records.put_return(
        store, Return(NEXT, DEAD, 52.0, 2.0), records.ProcessRecord(NEXT, lineage, "[]", 52.0, None), NOW
    )
    store.close()
    death = SeenDeath(2, 1.0, 50.0, 3, 2.0, Ending(signal=9))
    assert scan._recorded(options, gaps) == Recorded({key: 77.0}, {NEXT: death}, ())
    assert not gaps


def test_whose_place_it_took_and_how_that_one_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a line below the table, and in the document; nothing of what took nobody's place."""
    killer = Sender(812, "bash\x1b[2J", "root", "", "198.51.100.7")
    death = SeenDeath(3, NOW - 900, NOW - 60, 4, 0.2, Ending(signal=9, sender=killer))
    seen = Look(NOW, (HOT[0]._replace(after=death), HOT[1]), ())
    monkeypatch.setattr(scan, "look", lambda _: seen)
    assert scan.run(argparse.Namespace(watch=False, json=False, no_color=True)) == 0
    told = capsys.readouterr().out
    expected = (
        "PID 4 took the place of PID 3, which was ended by SIGKILL, sent by bash (PID 812) of root from SSH 198.51"
    )
    assert told.count("took the place") == 1
    assert expected in told
    first, second = scan._whole(seen)["hot"]
    assert (first["after"]["pid"], first["after"]["ending"]["signal"], second["after"]) == (3, 9, None)


@pytest.mark.parametrize(
    ("found", "unresolved", "told"),
    [
        (Unlisted(62.4, False), (15,), "62 % of a core is used by nobody that /proc lists; incident 15 is open: `sudo"),
        (Unlisted(62.4, True), (15, 9), "lists, or by short-lived processes that nobody waits for; incident 15 and 1"),
        (Unlisted(30.0, False), (), "nobody that /proc lists. A hidden process looks like that"),
        (None, (15,), ""),
    ],
)
def test_what_nobody_who_is_listed_has_used_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: Unlisted | None,
    unresolved: tuple[int, ...],
    told: str,
) -> None:
    """Below the table, in the document, and where nothing that is listed is hot."""
    options = argparse.Namespace(json=False, watch=False, no_color=True, config=None)
    monkeypatch.setattr(scan, "look", lambda _: Look(NOW, (), (), None, found, unresolved))
    scan.run(options)
    shown = capsys.readouterr().out
    assert told in shown
    assert ("used by nobody" in shown) is bool(told)
    document = scan._whole(Look(NOW, (), (), None, found, unresolved))["unlisted"]
    assert document == (found and {"percent": round(found.percent, 1), "or_short_lived": found.or_short_lived})


@pytest.mark.parametrize("damaged", ["config.toml", "watchdog.db"])
def test_a_scan_tells_that_the_history_could_not_be_read(tmp_path: Path, damaged: str) -> None:
    """A broken configuration, a damaged store: since when something burns is then not unknown for want of a watch."""
    config = tmp_path / "config.toml"
    config.write_text(f'[store]\npath = "{tmp_path}/watchdog.db"\n')
    connect(tmp_path / "watchdog.db").close()
    (tmp_path / damaged).write_text("[neither TOML nor a database" * 200)
    gaps: dict[Gap, None] = {}
    scan._recorded(argparse.Namespace(config=config), gaps)
    assert [gap.source for gap in gaps] == ["configuration" if damaged == "config.toml" else "store"]


def test_watching_needs_a_terminal() -> None:
    """A pipe is told what to use instead."""
    for words in (["--watch"], ["--watch", "--json"]):
        argv = [sys.executable, "-m", "runaway_watchdog", "scan", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)
        assert (done.returncode, done.stdout) == (2, "")
        assert "scan --json" in done.stderr


@pytest.fixture
def heeded() -> Iterator[None]:
    """Signals that this session was started with ignored (in a shell's background, below nohup) are inherited."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_restored(number: signal.Signals) -> None:
    """Whatever ends it: the cursor that was hidden is shown again, the modes are as before, and it is no failure."""
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    argv = [sys.executable, "-m", "runaway_watchdog", "scan", "--watch"]
    child = subprocess.Popen(argv, stdin=follower, stdout=follower, stderr=follower)
    seen = b""
    try:
        deadline = time.monotonic() + 30
        while b"Ctrl-C ends" not in seen and time.monotonic() < deadline:
            seen += os.read(leader, 4096)
        child.send_signal(number)
        assert child.wait(20) == 0
        os.set_blocking(leader, False)
        try:
            while more := os.read(leader, 4096):
                seen += more
        except BlockingIOError:
            pass
        assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l")
        assert b"Traceback" not in seen
        assert termios.tcgetattr(follower) == before
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        os.close(leader)
        os.close(follower)
