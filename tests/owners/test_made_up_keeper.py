"""A kind that the program does not know is added by one file: the one that docs/adding-a-keeper.md shows."""

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from owners.keepers_host import KeepersHost
from pages.reference import page

from runaway_watchdog import owners
from runaway_watchdog.explain.casefile import explain
from runaway_watchdog.explain.records import NoRecords
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.render.message import Incident, message
from runaway_watchdog.render.text import text

GUIDE = Path(__file__).parents[2] / "docs/adding-a-keeper.md"
WORK = 60


@pytest.fixture
def _minder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The guide's file as a module, in the order of kinds before all others."""
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "KINDS" in block]
    path = tmp_path / "minder.py"
    path.write_text(code)
    spec = importlib.util.spec_from_file_location("minder", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "minder", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(owners, "INSIDE", (module, *owners.INSIDE))
    monkeypatch.setitem(owners.BY_KIND, "minder-service", module)
    monkeypatch.setitem(owners.KINDS, "minder-service", module.KINDS[0])
    monkeypatch.setattr(owners, "MARKS", owners.MARKS | {"MINDER_NAME"})
    yield


def case() -> CaseFile:
    host = KeepersHost()
    host.line(["/usr/bin/minder"], ["/srv/burn"])
    host.files.add(f"/proc/{WORK}/environ", "MINDER_NAME=burner\0PASSWORD=x\0")
    return explain(host.world, NoRecords(), WORK)


@pytest.mark.usefixtures("_minder")
def test_one_file_is_all_that_a_keeper_needs() -> None:
    """Its owner, its prognosis, its plan, its advice and its words are seen wherever any other kind's are."""
    found = case()
    assert [owner.kind for owner in found.owners][:1] == ["minder-service"]
    killed = next(outlook for outlook in found.prognosis if outlook.action == "sigkill")
    assert (killed.returns, killed.by, killed.after_s) == (True, "minder", 1.0)
    assert found.plan.steps[-1].command.endswith("minderctl stop burner")
    assert [advice.where for advice in found.plan.hardening][:1] == ["/etc/minder.conf, [burner]"]
    shown = text(found, verbose=True, now=0.0)
    assert "kept up by minder, always" in shown
    assert "restart minder" in shown
    assert "minder starts it again" in shown
    assert "minder-service" in page()


@pytest.mark.usefixtures("_minder")
def test_an_alert_speaks_of_it_too() -> None:
    """The message names it as the terminal does."""
    made = message(case(), "opened", 300.0, Incident(1, "warning"))
    assert "kept up by minder, always" in made.text
    assert "minderctl stop burner" in made.text


def test_without_its_file_it_is_not_known() -> None:
    """The same host, and nobody who knows minder."""
    assert "minder-service" not in [owner.kind for owner in case().owners]
