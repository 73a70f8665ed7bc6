"""The alert rules of config/ before Debian's promtool: they are rules, and each waits for what it says."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.rig import monitoring

from runaway_watchdog.metrics.exposition import exposition
from runaway_watchdog.metrics.families import Watch, families
from runaway_watchdog.store import outbox
from runaway_watchdog.store.database import connect
from runaway_watchdog.store.liveness import Liveness, put_liveness

pytestmark = pytest.mark.truth

RULES = Path(__file__).parents[2] / "config/prometheus-alerts.yml"
TESTS = Path(__file__).with_name("prometheus-alerts.test.yml")


@pytest.fixture(scope="module")
def promtool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return monitoring.unpacked("prometheus", tmp_path_factory.mktemp("prometheus")) / "usr/bin/promtool"


def ran(promtool: Path, *words: str, text: str | None = None) -> str:
    """What it said on both outputs; the test fails where it complains."""
    done = subprocess.run([promtool, *words], capture_output=True, text=True, check=False, timeout=60, input=text)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_rule_is_tried_in_prometheus_own_time(promtool: Path) -> None:
    """Each alert comes when it should, and not before; none is left untried."""
    assert "SUCCESS" in ran(promtool, "check", "rules", str(RULES))
    assert "SUCCESS" in ran(promtool, "test", "rules", str(TESTS))
    names = set(re.findall(r"alert: (\w+)", RULES.read_text()))
    assert names == set(re.findall(r"alertname: (\w+)", TESTS.read_text()))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """With something of everything that is told."""
    connection = connect(tmp_path / "watchdog.db")
    put_liveness(connection, Liveness(321, 1.0, 2.0, 5, 0))
    outbox.enqueue(connection, None, "opened", 'a"b\\c', "{}", 1.0)
    outbox.worked(connection, 'a"b\\c', 1.0)
    yield connection
    connection.close()


def test_the_metrics_keep_prometheus_customs(promtool: Path, store: sqlite3.Connection) -> None:
    """Names, units and help: its linter finds nothing to say."""
    text = exposition(families(store, Watch(looks=True, cpu_s=1.5, memory_bytes=1)))
    assert ran(promtool, "check", "metrics", text=text) == ""


def test_the_rules_ask_for_what_is_told(store: sqlite3.Connection) -> None:
    """A rule over a metric that does not exist would never fire."""
    told = {each.name for each in families(store, Watch(looks=True, cpu_s=1.5, memory_bytes=1)) if each.samples}
    rules = "\n".join(re.findall(r"expr: (.*)", RULES.read_text()))
    asked = set(re.findall(r"runaway_watchdog_\w+", rules))
    assert asked <= told
    assert len(asked) > 5
