"""The test of the words as the shells themselves do it: the same answers as Python's, and in time."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from field import cases
from preflight.test_output_files import WRITTEN_OVER

from runaway_watchdog.guard.script import integration
from runaway_watchdog.guard.words import feared, suspicious

SHELLS = [
    pytest.param(shell, marks=pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} here"))
    for shell in ("bash", "zsh")
]
LOOP = r"""
while IFS= read -r -d '' line; do
    if __runaway_watchdog_suspicious "$line" "$line"; then echo "asked $__runaway_watchdog_feared"; else echo passed; fi
done
"""
START = {
    "bash": "set -f\n__runaway_watchdog_tables\n",
    "zsh": "zmodload zsh/parameter zsh/regex\nautoload -Uz is-at-least\n__runaway_watchdog_tables\n",
}


def said(shell: str, lines: list[str], folder: Path, before: str = "") -> list[str]:
    """What the shell's own test says of each line: passed, asked, asked yes (it is feared)."""
    script = folder / f"test.{shell}"
    script.write_text(integration(shell, ["true"]) + START[shell] + before + LOOP)
    argv = ["bash", "--norc", str(script)] if shell == "bash" else ["zsh", "-f", str(script)]
    done = subprocess.run(
        argv, input="".join(f"{line}\0" for line in lines), capture_output=True, text=True, check=True, cwd=folder,
        timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return [row.strip() for row in done.stdout.splitlines()]


def by_python(line: str) -> str:
    return "asked yes" if feared(line) else "asked" if suspicious(line) else "passed"


SIBLINGS = (
    "ls >& app.db", "ls &> app.db", "ls >&app.db", "ls >| app.db", "echo x > 'client data.db'",
    "echo x >'client data'.db",
    'echo x > "client data.db"', "echo x >client\\ data.db", "> app.db", "cat <in >app.db", "(ls; id) > app.db",
    "2> app.db", "echo $(cat x > app.db)", "if true; then : > app.db; fi", "while read x; do :; done > app.db",
    "ls 2>&1 > app.db", "ls >>log >app.db", "ls >new >app.db",
    "exec > app.db", "true |& cat > app.db", "{ id; }>app.db",
)  # fmt: skip
EMPTY_NOTHING = (
    "ls >> app.db", "ls 2>&1", "ls >&2", "ls > new", "ls 2>/dev/null", "ls &>/dev/null", "ls >&-", "ls > 'new file'",
    "echo 'a > b'", "ls 1>&2 2>/dev/null", "grep -c '->' x", "ls >>'client data.db'",
)  # fmt: skip
ONLY_THEN = (
    'ls > "$X"', "ls > $(date)", "ls > *.db", "ls > ~bob/x", "cd x; ls > y", "pushd x && ls > y", "env -C x ls > y",
    "echo b > /proc/sysrq-trigger", "ls > {a,b}", "ls > `x`", "r?nm x; /bin/r? x", "${A}m x", "a=r; $a$b x",
    "sudo $X", "then $X", "./deploy.sh", "~/bin/x", "docker exec db sh -c '> /data/rows'", "git undo", "git co x",
    "awk '{print > \"app.db\"}' x",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("app.db", "client data.db", "client data"):
        (tmp_path / name).write_text("rows")
    return tmp_path


@pytest.mark.parametrize("shell", SHELLS)
def test_shell_and_python_say_the_same(shell: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every line of the field, and of redirections of all spellings."""
    monkeypatch.chdir(folder)
    lines = [case.line for case in cases.cases()] + [*SIBLINGS, *EMPTY_NOTHING, *ONLY_THEN]
    found = dict(zip(lines, said(shell, lines, folder), strict=True))
    assert found == {line: by_python(line) for line in lines}


def test_redirections(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What empties a file is feared, what only may is asked about, what empties nothing passes."""
    monkeypatch.chdir(folder)
    assert [line for line in SIBLINGS if by_python(line) != "asked yes"] == []
    assert [line for line in EMPTY_NOTHING if by_python(line) != "passed"] == []
    assert [line for line in ONLY_THEN if by_python(line) != "asked"] == []


@pytest.mark.parametrize("shell", SHELLS)
def test_what_functions_and_aliases_do_is_seen(shell: str, folder: Path) -> None:
    """One in another too; a long one is not looked at."""
    long = ":;" * 4096
    before = "inner() { docker compose down -v; }\nouter() { inner; }\nplain() { ls; }\n"
    before += f"long() {{ {long} rm x; }}\n"
    before += "alias wipe='rm -rf'\nalias again=wipe\n" if shell == "bash" else ""
    lines = ["outer", "inner x", "plain", "long"] + (["wipe x", "again x"] if shell == "bash" else [])
    answers = ["asked yes", "asked yes", "passed", "passed", "asked yes", "asked yes"]
    assert said(shell, lines, folder, before) == answers[: len(lines)]


@pytest.mark.parametrize("shell", SHELLS)
def test_an_ordinary_line_costs_under_5_ms(shell: str, folder: Path) -> None:
    """All of the everyday lines that pass, ten times over, with the start of the shell."""
    lines = [case.line for case in cases.cases() if case.kind == cases.EVERYDAY and not suspicious(case.line)] * 10
    started = time.process_time()
    clock = time.monotonic()
    said(shell, lines, folder)
    assert (time.monotonic() - clock - (time.process_time() - started)) / len(lines) < 0.005


def on_the_host(path: str) -> bool:
    """Stands in for the host of the field: of what is below these folders all holds data."""
    return path.startswith(("/srv/", "/home/", "/var/", "/etc/"))


def test_no_losing_line_of_the_field_passes() -> None:
    """The preflight is asked about each; of the everyday lines more than half start nothing at all."""
    found = cases.cases()
    assert [each.line for each in found if each.loses_data and not suspicious(each.line, on_the_host)] == []
    everyday = [each.line for each in found if each.kind == cases.EVERYDAY]
    assert sum(not suspicious(line) for line in everyday) >= 0.55 * len(everyday)
    assert sum(not feared(line) for line in everyday) >= 0.7 * len(everyday)


def test_no_client_of_a_cloud_brings_a_file_unseen() -> None:
    """What writes over a file here is asked about, whichever client brings it."""
    assert [line for line in WRITTEN_OVER["what clients of clouds bring"] if not suspicious(line)] == []


RESPELLED = ("\\{}", "command {}", "/bin/{}", "sudo -n {}", "{0[0]}''{1}", '"{}"', "env A=b {}", "x=1 {}", "busybox {}")
DESTROYERS = (
    "rm -rf /srv/x", "truncate -s0 /srv/x", "dd of=/srv/x", "crontab -r", "crontab new", "docker volume rm x",
    "docker compose down -v", "podman system reset -f", "psql -c 'drop table x'", "journalctl --vacuum-size=1M",
    "git clean -fdx", "find /srv -delete", "rsync -a --delete a/ b/", "userdel -r bob", "restic forget --prune",
    "aws s3 rm s3://x --recursive", "kubectl delete ns x", "terraform destroy", "zfs destroy tank/x", "shred /srv/x",
    "php artisan migrate:fresh", "rails db:drop", "prisma migrate reset", "certbot delete", "pg_dropcluster 15 main",
    "apt purge mysql-server", "logrotate -f /etc/logrotate.conf", "rclone purge x:y", "gsutil rm -r gs://x",
)  # fmt: skip


@pytest.mark.parametrize("line", DESTROYERS)
def test_every_spelling_is_feared(line: str) -> None:
    """Also in another shell's line, a here-document, a substitution, and after xargs."""
    first, rest = line.split(" ", 1)
    spelled = [
        f"{form.format(first, first[1:]) if '0[0]' in form else form.format(first)} {rest}" for form in RESPELLED
    ]
    around = [f"sh -c {line!r}", f"cat <<E | sh\n{line}\nE", f"echo $({line})", f"ls | xargs {line}", f"true;{line}&"]
    assert [each for each in (line, *spelled, *around) if not feared(each)] == []
