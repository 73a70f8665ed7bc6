"""Completions and the manual page: made from the parsers, and so the same as --help."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runaway_watchdog import cli
from runaway_watchdog.cli import COMMANDS, command_parser, completion, manual
from runaway_watchdog.cli.catalog import catalog


def flags(text: str) -> set[str]:
    """The options that a help text lists, each at the beginning of its line."""
    lines = re.findall(r"(?m)^  (-\S.*?)(?:  |$)", text)
    return {flag for line in lines for flag in re.findall(r"(?<![\w-])-{1,2}[a-z][a-z-]*", line)}


HELP = {command.name: flags(command_parser(command)[0].format_help()) for command in COMMANDS}


def test_the_catalog_is_the_help() -> None:
    """Every option that a command's --help lists is in its entry, and no other."""
    assert {each.command.name: {flag for one in each.options for flag in one.flags} for each in catalog()} == HELP


def complete(line: str) -> list[str]:
    """What bash would offer for the last word of a line."""
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    script = (
        f"{completion.text('bash')}\ncompopt() {{ :; }}\nCOMP_WORDS=({quoted}) COMP_CWORD={len(words) - 1}\n"
        f"{completion.FUNCTION}\nprintf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_offers_what_the_help_lists() -> None:
    """Commands first, then each command's own options and values."""
    assert set(complete("runaway-watchdog ")) >= set(HELP)
    for name, offered in HELP.items():
        assert set(complete(f"runaway-watchdog {name} -")) == offered, name
    assert complete("runaway-watchdog exp") == [name for name in HELP if name.startswith("exp")]
    assert complete("runaway-watchdog completion ") == ["bash", "zsh", "fish"]
    assert "1" in complete("runaway-watchdog explain 1")
    assert complete("runaway-watchdog explain --incident ") == []


def test_bash_completes_files(tmp_path: Path) -> None:
    """Where a file is taken."""
    (tmp_path / "here.toml").touch()
    assert complete(f"runaway-watchdog run --config {tmp_path}/he") == [f"{tmp_path}/here.toml"]


def test_a_name_is_never_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a container or unit calls itself is offered as it is, and nothing of it runs."""
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\necho '$(touch${{IFS}}{tmp_path}/ran)'\necho '`touch${{IFS}}{tmp_path}/ran`'\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert len(complete("runaway-watchdog explain --container ")) == 2
    assert not (tmp_path / "ran").exists()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh on this machine")
def test_zsh_takes_its_completions(tmp_path: Path) -> None:
    """From a folder of `$fpath`, as `install` writes them; they load without a complaint."""
    (tmp_path / "_runaway-watchdog").write_text(completion.text("zsh"))
    script = f"fpath=({tmp_path} $fpath)\nautoload -U compinit && compinit -D -u\nprint $_comps[runaway-watchdog]"
    assert in_zsh(script) == "_runaway-watchdog"
    subprocess.run(["zsh", "-n", str(tmp_path / "_runaway-watchdog")], check=True, timeout=60)


def in_zsh(script: str) -> str:
    done = subprocess.run(["zsh", "-f"], input=script, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh on this machine")
def test_zsh_takes_them_by_source() -> None:
    """As --help says; nothing is completed while they are read."""
    source = f"source <({sys.executable} -m runaway_watchdog completion zsh)"
    script = f"autoload -U compinit && compinit -D -u\n{source}\nprint $_comps[runaway-watchdog]"
    assert in_zsh(script) == completion.FUNCTION


def test_zsh_is_told_every_option() -> None:
    """Each with its value joined by = or apart."""
    text = completion.text("zsh")
    for name, offered in HELP.items():
        options = text.split(f"{completion.FUNCTION}_{name.replace('-', '_')}_options=(")[1].split("\n)")[0]
        assert {each.rstrip("=") for each in re.findall(r'(?<=[{,"])-{1,2}[a-z][a-z-]*=?', options)} == offered, name
    assert '"--config=[' in text


def in_fish(line: str) -> list[str]:
    """What fish would offer for the last word of a line."""
    argv = ["fish", "--no-config", "-c", f"{completion.text('fish')}\ncomplete -C $argv[1]", line]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return [each.split("\t")[0] for each in done.stdout.splitlines()]


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish on this machine")
def test_fish_offers_what_the_help_lists(tmp_path: Path) -> None:
    """Commands, their options and values, files."""
    assert set(in_fish("runaway-watchdog ")) >= set(HELP)
    for name, offered in HELP.items():
        long = {each for each in offered if each.startswith("--")}
        assert set(in_fish(f"runaway-watchdog {name} --")) == long, name
    assert in_fish("runaway-watchdog completion ") == ["bash", "zsh", "fish"]
    assert "1" in in_fish("runaway-watchdog explain 1")
    (tmp_path / "here.toml").touch()
    assert in_fish(f"runaway-watchdog run --config {tmp_path}/he") == [f"{tmp_path}/here.toml"]


@pytest.mark.skipif(shutil.which("man") is None, reason="no man on this machine")
def test_man_shows_it_without_a_warning(tmp_path: Path) -> None:
    """groff knows every macro that is used."""
    file = tmp_path / "runaway-watchdog.1"
    file.write_text(manual.page())
    argv = ["man", "--warnings=w", "--local-file", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30, env={"MANWIDTH": "100"})
    assert done.stderr == ""
    assert "RUNAWAY-WATCHDOG(1)" in done.stdout


def test_the_commands_print_them(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, and nothing else."""
    for words, text in ((["completion", "bash"], completion.text("bash")), (["manual"], manual.page())):
        assert cli.main(words) == 0
        assert capsys.readouterr().out == text
