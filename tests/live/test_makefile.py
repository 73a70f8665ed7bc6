"""The Makefile and the continuous integration's script: the promises that need no run of minutes to check."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
MAKEFILE = (CHECKOUT / "Makefile").read_text()

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make on this machine")


def make(*arguments: str, cwd: Path = CHECKOUT, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    # Without what an outer `make test` hands down: its flags are not these runs' flags.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment["PATH"] = path
    return subprocess.run(
        ["make", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=30
    )


@needs_make
def test_help_is_the_default_and_lists_every_target() -> None:
    """`make` alone shows each target that is meant for people, with one line of what it does."""
    listed = re.findall(r"^  make (\w+) +\S", make().stdout, re.MULTILINE)
    (phony,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert listed == phony.split()
    assert make("help").stdout == make().stdout


@needs_make
@pytest.mark.parametrize("target", ["install", "uninstall"])
def test_installing_needs_root(target: str, tmp_path: Path) -> None:
    """Another user is told the command that works, before anything is done."""
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    answer = make(target, path=f"{tmp_path}:{os.environ['PATH']}")
    assert answer.returncode != 0
    assert answer.stdout == ""
    assert f"make {target}: needs root: sudo make {target}\n" in answer.stderr


@needs_make
def test_install_does_not_mix_with_the_debian_package(tmp_path: Path) -> None:
    """Both use the same folder: the one that is there goes first."""
    for name, line in (("id", "echo 0"), ("dpkg-query", "exit 0")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    answer = make("install", path=f"{tmp_path}:{os.environ['PATH']}")
    assert answer.returncode != 0
    assert "apt-get remove runaway-watchdog" in answer.stderr


@needs_make
def test_an_old_python_is_told(tmp_path: Path) -> None:
    """An interpreter that is too old is refused by name, with the way to choose another one."""
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "pyproject.toml").touch()
    answer = make("run", f"PYTHON={old}", cwd=tmp_path)
    assert answer.returncode != 0
    assert "Python 3.11 or newer is needed" in answer.stderr
    assert not (tmp_path / ".venv").exists()


@needs_make
def test_a_set_up_checkout_is_not_set_up_again(tmp_path: Path) -> None:
    """The second run starts at once; a changed source is installed anew, a changed pyproject.toml sets all up anew."""
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "pyproject.toml").touch()
    os.utime(tmp_path / "pyproject.toml", (1000, 1000))
    program = tmp_path / ".venv/bin/runaway-watchdog"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").touch()
    os.utime(tmp_path / "src/a.py", (1000, 1000))
    os.utime(tmp_path / "src", (1000, 1000))
    (tmp_path / ".venv/.runtime-is-installed").touch()
    (tmp_path / ".venv/.package-is-installed").touch()
    assert make("run", "ARGS=--config x", cwd=tmp_path).stdout == "run --config x\n"
    os.utime(tmp_path / "src/a.py", (2**31, 2**31))
    again = make("-n", "run", cwd=tmp_path).stdout
    assert "pip wheel" in again
    assert "Setting up" not in again
    os.utime(tmp_path / "pyproject.toml")
    os.utime(tmp_path / ".venv/.runtime-is-installed", (1000, 1000))
    assert "Setting up" in make("-n", "run", cwd=tmp_path).stdout


def test_the_development_group_can_be_read_without_pip() -> None:
    """The Makefile hands its entries to pip as they are: each is a requirement, none a table."""
    groups = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["dependency-groups"]
    for name, group in groups.items():
        assert all(isinstance(entry, str) for entry in group)
        assert f"$(call install_group,{name})" in MAKEFILE
    assert 'project["dependency-groups"]["$(1)"]' in MAKEFILE


def test_ci_runs_the_linters_and_the_tests() -> None:
    """In a fresh clone, without a terminal, with a rig that must run; the tests' summary comes last."""
    script = CHECKOUT / ".ci/run"
    assert os.access(script, os.X_OK)
    lines = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "set -euo pipefail"
    assert "export CI=true" in lines
    assert "exec </dev/null" in lines
    assert lines[-2:] == ["make lint", "make test"]
