"""The Debian package's scripts: the promises that need no host to check."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runaway_watchdog.config import locate
from runaway_watchdog.install import host, plan

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
SCRIPTS = [
    PACKAGING / "build-deb",
    PACKAGING / "bootstrap",
    *(PACKAGING / "debian" / name for name in ("preinst", "postinst", "prerm", "postrm")),
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_script_is_posix_shell_that_stops_at_a_failure(script: Path) -> None:
    """dpkg runs them with whatever /bin/sh is."""
    text = script.read_text()
    assert text.startswith("#!/bin/sh\n")
    assert re.search(r"(?m)^set -eu?$", text)
    subprocess.run(["sh", "-n", str(script)], check=True, timeout=10)


def test_purge_removes_what_uninstall_would() -> None:
    """The program is gone by then, so the list is there twice: it must be one list."""
    text = (PACKAGING / "debian/postrm").read_text()
    assert set(re.findall(r"\$state/(watchdog\.db[\w.-]*)", text)) == set(plan._STATE_FILES)
    assert f"state={locate.SYSTEM_STATE}\n" in text
    assert f"rm -f {host.CONFIG}\n" in text
    assert f"userdel {host.USER}\n" in text


def run_script(name: str, *arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    """One of the scripts, every path in it below `root`."""
    text = (PACKAGING / "debian" / name).read_text()
    text = re.sub(r"(?<![\w.])/(opt|etc|var|run|usr)/", rf"{root}/\1/", text)
    return subprocess.run(["sh", "-c", text, name, *arguments], capture_output=True, text=True, check=False, timeout=10)


def test_purge_spares_what_is_not_ours(tmp_path: Path) -> None:
    """A file that somebody else put into our folders stays, and its folder with it; the user too."""
    state, etc = tmp_path / "var/lib/runaway-watchdog", tmp_path / "etc/runaway-watchdog"
    for folder in (state, etc, tmp_path / "opt/runaway-watchdog"):
        folder.mkdir(parents=True)
    for file in (state / "watchdog.db", state / "notes", etc / "config.toml", etc / "urls"):
        file.touch()
    (tmp_path / "etc/passwd").write_text(f"runaway-watchdog:x:9:9::{state}:/usr/sbin/nologin\n")
    for step in ("remove", "purge"):
        assert run_script("postrm", step, root=tmp_path).returncode == 0
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["etc/passwd", "etc/runaway-watchdog/urls", "var/lib/runaway-watchdog/notes"]
    assert not (tmp_path / "opt/runaway-watchdog").exists()


def test_an_upgrade_stops_nothing(tmp_path: Path) -> None:
    """The watch sees the host until the new program restarts it."""
    for script, step in (("prerm", "upgrade"), ("postrm", "upgrade"), ("preinst", "upgrade")):
        assert run_script(script, step, root=tmp_path).returncode == 0


def test_another_installation_is_not_overwritten(tmp_path: Path) -> None:
    """`make install` puts its files into the same folder."""
    (tmp_path / "opt/runaway-watchdog").mkdir(parents=True)
    answer = run_script("preinst", "install", root=tmp_path)
    assert answer.returncode == 1
    assert "make install" in answer.stderr


def test_the_package_can_be_unpacked_where_systemd_does_not_run(tmp_path: Path) -> None:
    """In an image that is being built: the command is there, and the service waits for the booted host."""
    (tmp_path / "usr/local").mkdir(parents=True)
    answer = run_script("postinst", "configure", root=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert (tmp_path / "usr/local/bin/runaway-watchdog").is_symlink()


@pytest.mark.parametrize(
    ("uid", "words", "told"),
    [
        ("1000", ["x.whl"], "needs root: sudo sh bootstrap x.whl"),
        ("0", [], "name one file"),
        ("0", ["a.deb", "b.deb"], "name one file"),
        ("0", ["none.deb"], "none.deb cannot be read"),
        ("0", ["x.zip"], "x.zip is neither a Debian package nor a wheel"),
    ],
)
def test_the_bootstrap_refuses_before_it_does_anything(uid: str, words: list[str], told: str, tmp_path: Path) -> None:
    """And says what it wants."""
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {uid}\n")
    (tmp_path / "id").chmod(0o755)
    (tmp_path / "x.zip").touch()
    done = subprocess.run(
        ["sh", str(PACKAGING / "bootstrap"), *words], cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True, text=True, check=False, timeout=10,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("bootstrap: ")
    assert told in done.stderr


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg on this machine")
def test_the_control_file_is_one(tmp_path: Path) -> None:
    """dpkg itself takes it once its blanks are filled in."""
    text = (PACKAGING / "debian/control.in").read_text()
    for name, value in (("VERSION", "1.2"), ("ARCHITECTURE", "amd64"), ("SIZE", "9"), ("MINOR", "11"), ("NEXT", "12")):
        text = text.replace(f"@{name}@", value)
    assert "@" not in text.replace("maintainers@example.invalid", "")
    control = tmp_path / "tree/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text(text)
    control.parent.chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", str(tmp_path / "tree"), str(tmp_path / "x.deb")], check=True, timeout=30,
                   capture_output=True)  # fmt: skip
    assert "runaway-watchdog" in subprocess.run(
        ["dpkg-deb", "--field", str(tmp_path / "x.deb"), "Package"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
