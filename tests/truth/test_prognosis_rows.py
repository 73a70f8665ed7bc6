"""docs/prognosis.md is written from whole runs of one code, whoever they were told to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from e2e.rig.foretold import Row
from truth import imports, pages
from truth.prognosis_rows import Recorded, body, recorded_only
from truth.told import Told, keep, kept

RIGHT = Row("t", "v2", "docker-run", "always", "sigkill", "docker-container", "returns after 0.1 s", "returns")
WRONG = replace(RIGHT, layout="v1", policy="no", seen="otherwise: ends, stays away")


def test_the_page_counts_and_shows_what_went_otherwise() -> None:
    """In all and by layout; a case that went otherwise stands out."""
    page = body([RIGHT, WRONG, RIGHT], [], "a box")
    assert "3 cases: 2 as foretold, 1 otherwise, on a box." in page
    assert "| v1 | 1 | 0 | 1 |\n| v2 | 2 | 2 | 0 |" in page
    assert page.count("**otherwise: ends, stays away**") == 1
    assert "not run" not in page


def test_a_keeper_that_no_rig_can_run_is_listed_apart(tmp_path: Path) -> None:
    """It is no case, and its source is named; what only looks like one is not listed."""
    for name in ("pod", "pod-near-miss", "orphan"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "recording.json").write_text(json.dumps({"about": "a pod of k3s (k3s-io/k3s)"}))
        (tmp_path / name / "explain.json").write_text(json.dumps({"owners": [{"kind": "kubernetes-pod"}]}))
    (found,) = recorded_only(tmp_path, ["pod", "pod-near-miss"])
    assert found == Recorded("kubernetes-pod", "a pod of k3s (k3s-io/k3s)", "pod")
    assert "| kubernetes-pod | tests/hosts/pod | a pod of k3s (k3s-io/k3s) |" in body([], [found], "x")


def test_a_hostile_policy_stays_in_its_cell() -> None:
    """A bar, a line's end and a back-tick are shown and break nothing."""
    assert pages.line("a|b\n`c`", "\\") == "| a\\|b 'c' | \\\\ |"


def test_two_sessions_make_one_module() -> None:
    """The quick tests and the long ones; what the later session told of a test counts."""
    quick = Told("h", ["a", "b"], {"a": [WRONG]})
    assert not quick.whole
    both = quick.joined(Told("h", ["a", "b"], {"a": [RIGHT], "b": []}))
    assert both.whole
    assert both.of_expected() == [RIGHT]


def test_other_code_begins_anew() -> None:
    """Rows of another code are forgotten, however many they are."""
    later = Told("new", ["a", "b"], {"b": [RIGHT]})
    assert Told("old", ["a", "b"], {"a": [RIGHT]}).joined(later) == later


def test_a_picked_test_does_not_make_its_module_whole() -> None:
    """Whoever names one test has not seen how many there are; an earlier session may have."""
    picked = Told("h", None, {"a": [RIGHT]})
    assert not picked.whole
    assert Told[Row]("h", ["a"], {}).joined(picked).whole


def test_what_was_kept_is_read_again(tmp_path: Path) -> None:
    """Row by row; a module that told nothing yet has no file."""
    told = Told("h", ["a"], {"a": [RIGHT, WRONG], "b": []})
    keep(tmp_path / "m.json", told)
    assert kept(tmp_path / "m.json", Row) == told
    assert kept(tmp_path / "other.json", Row) is None


@pytest.mark.parametrize(
    ("line", "leans"),
    [
        ("from e2e.rig import foretold", True),
        ("from e2e.rig.foretold import Row", True),
        ("from .rig import foretold", True),
        ("import e2e.helper", True),
        ("from e2e import helper", True),
        ("from e2e.rig import docker", False),
        ("import json", False),
    ],
)
def test_a_module_leans_on_what_it_imports(tmp_path: Path, line: str, leans: bool) -> None:
    """Itself, or by way of a helper that does, however that is written."""
    rig = tmp_path / "e2e/rig"
    rig.mkdir(parents=True)
    for name in ("foretold", "docker"):
        (rig / f"{name}.py").touch()
    (tmp_path / "e2e/helper.py").write_text("def late():\n    from e2e.rig import foretold\n")
    (tmp_path / "e2e/test_x.py").write_text(f"{line}\n")
    found = imports.users(tmp_path / "e2e", rig / "foretold.py", tmp_path)
    assert list(found) == (["test_x"] if leans else [])
