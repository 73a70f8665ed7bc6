"""Installing on a real host: what is there afterwards, what it tells, what stays when it goes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from e2e.rig.box import Box

from runaway_watchdog import shipped
from runaway_watchdog.cli import completion

PROGRAM = "/opt/runaway-watchdog/bin/runaway-watchdog"
UNIT = "/etc/systemd/system/runaway-watchdog.service"
CONFIG = "/etc/runaway-watchdog/config.toml"
STATE = "/var/lib/runaway-watchdog"
DOCKER_DROP_IN = "/etc/systemd/system/runaway-watchdog-case@.service.d/docker.conf"


def install(box: Box, *options: str, self_test: bool = False) -> str:
    """Run it, and return what it printed. The self-test takes seconds: one test has it."""
    return box.run([PROGRAM, "install", f"--{'' if self_test else 'no-'}self-test", *options], timeout=120).stdout


def steps(report: str) -> list[tuple[str, str]]:
    """Each step's first word (done, already, would, note) and its title."""
    listing, _, _ = report.partition("\n\n")
    return [(line[:8].rstrip(), line[9:]) for line in listing.splitlines()]


def words(report: str) -> set[str]:
    """The first words alone."""
    return {word for word, _ in steps(report)}


def titles(report: str) -> list[str]:
    """The titles alone."""
    return [title for _, title in steps(report)]


def properties(box: Box, *names: str) -> dict[str, str]:
    """What systemd says of the service."""
    shown = box.run(["systemctl", "show", "runaway-watchdog", f"--property={','.join(names)}"]).stdout
    return dict(line.split("=", 1) for line in shown.splitlines())


def traces(box: Box) -> str:
    """Every file that an installation could touch, with its size and times; without those of the history, in which the
    service itself writes."""
    places = "/etc /usr/local /opt /usr/lib/systemd /var/lib/runaway-watchdog /run/systemd/system"
    shown = "-name 'watchdog.db*' -printf '%p %y %m %u\\n' -o -printf '%p %y %m %u %s %T@ %C@ %l\\n'"
    return box.run(f"find {places} -xdev {shown} 2>/dev/null | sort", check=False).stdout


@pytest.fixture
def bare(box: Box) -> Box:
    """The host without our service."""
    box.run([PROGRAM, "uninstall", "--purge"], timeout=60)
    return box


@pytest.fixture
def installed(box: Box) -> Box:
    """The host with our service, as `install` leaves it."""
    install(box)
    return box


def test_install_starts_the_service(bare: Box) -> None:
    """One command makes the user, the configuration and the unit, and the service runs as that user."""
    report = install(bare)
    assert "runaway-watchdog.service is active (running)" in report
    assert "runaway-watchdog test-alert" in report
    seen = properties(bare, "ActiveState", "UnitFileState", "MainPID", "User", "NRestarts")
    assert (seen["ActiveState"], seen["UnitFileState"], seen["NRestarts"]) == ("active", "enabled", "0")
    assert bare.run(["stat", "-c", "%U", f"/proc/{seen['MainPID']}"]).stdout.strip() == "runaway-watchdog"
    modes = bare.run(["stat", "-c", "%a %U", CONFIG, STATE, UNIT]).stdout.split("\n")
    assert modes[:3] == ["600 root", "750 runaway-watchdog", "644 root"]
    assert bare.run(["/usr/local/bin/runaway-watchdog", "--version"]).stdout.startswith("runaway-watchdog ")
    units = [f"/etc/systemd/system/{name}" for name in (shipped.UNIT, *shipped.HELPER_UNITS)]
    assert not bare.run(["systemd-analyze", "verify", *units]).stderr


def test_it_tests_itself(installed: Box) -> None:
    """In the service's own confinement a burn is found, explained as its unit's, and told; nothing is left of it."""
    install(installed)
    before = traces(installed)
    report = install(installed, self_test=True)
    found = re.search(r"found after ([\d.]+) s, explained .* \(kept by runaway-watchdog-burn.service\)", report)
    assert found is not None, report
    assert float(found[1]) < 15
    assert "The rules in force" in report
    assert not installed.pids("runaway-watchdog-burn")
    assert not installed.run("ls /run | grep selftest || true").stdout
    assert "runaway-watchdog-selftest" not in installed.run(["systemctl", "list-units", "--all"]).stdout
    changed = set(traces(installed).splitlines()) ^ set(before.splitlines())
    touched = {line.split()[0] for line in changed}
    assert {path for path in touched if not path.startswith(STATE)} <= {"/run/systemd/system"}


def test_status_and_doctor_of_the_service(installed: Box) -> None:
    """Alive, at the cost of its group; doctor misses a channel and nothing else, and says when it is mute or blind."""
    status = json.loads(
        installed.wait_for(
            "a first look",
            lambda: (
                installed.run([PROGRAM, "status", "--json"], check=False).stdout
                if installed.run([PROGRAM, "status"], check=False).returncode == 0
                else None
            ),
        )
    )
    assert status["watch"]["pulse"] == "alive"
    assert status["cost"]["whole_service"]
    assert 5 << 20 < status["cost"]["memory_bytes"] < 200 << 20
    assert missing(installed) == ["alerts"]
    installed.run(["systemctl", "stop", "runaway-watchdog"])
    try:
        assert missing(installed) == ["alerts", "watch"]
        assert installed.run([PROGRAM, "status"], check=False).returncode == 1
    finally:
        installed.run(["systemctl", "start", "runaway-watchdog"])
    installed.run(["rm", DOCKER_DROP_IN])
    assert missing(installed) == ["alerts", "docker group"]
    installed.run(["systemctl", "stop", "runaway-watchdog-send.socket"])
    assert missing(installed) == ["alerts", "helpers", "docker group"]
    install(installed)
    installed.run(["systemctl", "restart", "runaway-watchdog"])
    installed.wait_for("the new watch", lambda: missing(installed) == ["alerts"])


def missing(box: Box) -> list[str]:
    """What doctor says is missing."""
    checks = json.loads(box.run([PROGRAM, "doctor", "--json"], check=False).stdout)["checks"]
    assert all(check["mend"] for check in checks if check["state"] == "missing")
    return [check["subject"] for check in checks if check["state"] == "missing"]


def test_scan_tells_who_burns_and_what_comes_back(installed: Box) -> None:
    """A container that Docker would start again and a unit that nobody would: each with its owner, on one line too."""
    spin = "while :; do :; done"
    installed.run(["docker", "run", "-d", "--name", "scanned", "--restart", "always", "bb:1", "sh", "-c", spin])
    installed.run(["systemd-run", "--quiet", "--unit=scanned", "--property=RuntimeMaxSec=300", "sh", "-c", spin])
    try:
        hot = installed.wait_for("both of them", lambda: burning(installed))
        kept = {kind: (each["returns_after_sigkill"], each["by"]) for kind, each in hot.items()}
        assert kept == {"docker-container": (True, "docker"), "systemd-service": (False, None)}
        assert hot["docker-container"]["owner"]["policy"] == "always"
        table = installed.run([PROGRAM, "scan"]).stdout
        assert re.search(r"% +\d+ +sh +scanned +always +yes, by docker +up ", table), table
        assert re.search(r"% +\d+ +sh +scanned.service +no +no +up ", table), table
        assert re.search(r"`sudo runaway-watchdog explain \d+` tells the whole story", table)
    finally:
        installed.run("docker rm -f scanned; systemctl stop scanned", check=False)


def burning(box: Box) -> dict[str, Any] | None:
    """What `scan` says of what is called "scanned", by the kind of its owner; None until it says it of both."""
    document = json.loads(box.run([PROGRAM, "scan", "--json"]).stdout)
    found = {each["owner"]["kind"]: each for each in document["hot"] if each["owner"]["name"].startswith("scanned")}
    return found if len(found) == 2 else None


def test_completions_and_the_manual_are_where_shells_look(installed: Box) -> None:
    """bash loads them by the command's name, and man finds the page."""
    names = installed.run(
        "bash -c '. /usr/local/share/bash-completion/completions/runaway-watchdog; complete -p runaway-watchdog'"
    ).stdout
    assert f"-F {completion.FUNCTION} runaway-watchdog" in names
    assert ".SH NAME" in installed.read("/usr/local/share/man/man1/runaway-watchdog.1")
    assert installed.read("/usr/local/share/zsh/site-functions/_runaway-watchdog").startswith("#compdef ")


def test_install_twice_changes_nothing(installed: Box) -> None:
    """The second run finds everything so, leaves the configuration alone and does not restart the service."""
    before = properties(installed, "MainPID", "InvocationID")
    installed.write(CONFIG, "[sampling]\ninterval = '3s'\n", 0o600)
    files = traces(installed)
    assert words(install(installed)) == {"already"}
    assert traces(installed) == files
    assert properties(installed, "MainPID", "InvocationID") == before


def test_dry_run_tells_the_same_and_does_nothing(bare: Box) -> None:
    """--dry-run prints the steps of the real run, word for word, and leaves no trace."""
    files = traces(bare)
    dry = install(bare, "--dry-run")
    assert traces(bare) == files
    assert bare.run(["id", "runaway-watchdog"], check=False).returncode != 0
    real = install(bare)
    assert titles(dry) == titles(real)
    assert "would" in words(dry)
    assert "done" not in words(dry)


def test_one_unit_that_did_everything_becomes_several(installed: Box) -> None:
    """From an older version: the watch loses Docker's group, and what somebody set for it holds for its helpers."""
    older = f"[Service]\nType=notify\nUser=runaway-watchdog\nStateDirectory=runaway-watchdog\nExecStart={PROGRAM} run\n"
    drop_in = "# Written by `runaway-watchdog install`\n[Service]\nSupplementaryGroups=docker\n"
    helpers = "/etc/systemd/system/runaway-watchdog-*"
    installed.run(f"systemctl stop runaway-watchdog; rm -r {helpers}; mkdir -p {UNIT}.d")
    installed.write(CONFIG, "", 0o644)
    installed.write(UNIT, older)
    installed.write(f"{UNIT}.d/docker.conf", drop_in)
    installed.write(f"{UNIT}.d/mine.conf", "[Service]\nEnvironment=HTTPS_PROXY=http://proxy:3128\n")
    installed.run("systemctl daemon-reload && systemctl start runaway-watchdog")
    try:
        assert "active (running)" in install(installed)
        assert not installed.exists(f"{UNIT}.d/docker.conf")
        asked = ["systemctl", "show", "--property=SupplementaryGroups,Environment"]
        shown = {name: installed.run([*asked, f"runaway-watchdog{name}"]).stdout for name in ("-case@1", "-send@1", "")}
        assert [name for name, text in shown.items() if "SupplementaryGroups=docker" in text] == ["-case@1"]
        assert all("HTTPS_PROXY" in text for text in shown.values())
        assert missing(installed) == ["alerts"]
        assert words(install(installed)) == {"already"}
    finally:
        installed.run(f"rm -r {UNIT}.d")
        installed.write(CONFIG, "", 0o600)
    assert "done" in words(install(installed))
    assert not installed.run(f"ls -d {helpers}/of-the-watch.conf", check=False).stdout


def test_a_newer_program_restarts_the_service(installed: Box) -> None:
    """Installed again after an upgrade, the service runs the new version."""
    before = properties(installed, "MainPID")
    installed.run("touch /opt/runaway-watchdog/lib/python3*/site-packages/runaway_watchdog/install/host.py")
    assert "restart runaway-watchdog.service, since the program is newer" in install(installed)
    assert properties(installed, "MainPID") != before


def test_the_unit_keeps_it_running(installed: Box) -> None:
    """systemd brings it back after a kill -9; a reload reaches it through the filter that denies kill."""
    before = properties(installed, "MainPID")["MainPID"]
    installed.run(["systemctl", "reload", "runaway-watchdog"])
    # While the child compiles the new file, systemd says "reloading".
    installed.wait_for("the end of the reload", lambda: properties(installed, "ActiveState")["ActiveState"] == "active")
    assert properties(installed, "MainPID") == {"MainPID": before}
    assert int(before) > 1
    installed.run(["kill", "-9", before])
    installed.wait_for(
        "a new watchdog", lambda: properties(installed, "MainPID", "ActiveState")["MainPID"] not in ("0", before)
    )
    installed.wait_for("it to be ready", lambda: properties(installed, "ActiveState")["ActiveState"] == "active")


def test_a_broken_configuration_is_told(installed: Box) -> None:
    """`install` says that the service does not run and shows why; systemd does not try for ever."""
    kept = installed.read(CONFIG)
    installed.write(CONFIG, "[sampling]\nintervall = '2s'\n", 0o600)
    installed.run(["systemctl", "stop", "runaway-watchdog"])
    try:
        answer = installed.run([PROGRAM, "install"], check=False, timeout=120)
        assert answer.returncode == 1
        assert "intervall" in answer.stderr
        assert "check-config" in answer.stderr
        assert "Traceback" not in answer.stderr
        assert properties(installed, "ActiveState", "NRestarts") == {"ActiveState": "failed", "NRestarts": "0"}
    finally:
        installed.write(CONFIG, kept, 0o600)
        installed.run(["systemctl", "start", "runaway-watchdog"])


def test_refuses_a_program_in_a_home(bare: Box) -> None:
    """A virtual environment in /root is refused before anything changes, with commands that mend it."""
    bare.run(
        "cp -r /opt/runaway-watchdog /root/venv"
        " && sed -i '1s,/opt/runaway-watchdog,/root/venv,' /root/venv/bin/runaway-watchdog"
    )
    files = traces(bare)
    answer = bare.run(["/root/venv/bin/runaway-watchdog", "install"], check=False)
    assert answer.returncode == 1
    assert "/root: no place for a service's program" in answer.stderr
    assert "-m venv /opt/runaway-watchdog" in answer.stderr
    assert traces(bare) == files


def test_mends_what_it_refuses(bare: Box) -> None:
    """Where only owners and modes are wrong, the commands that it prints are the mend."""
    bare.run("chmod 700 /opt/runaway-watchdog/bin && chown -R nobody /opt/runaway-watchdog/lib")
    answer = bare.run([PROGRAM, "install"], check=False)
    assert answer.returncode == 1
    mend = answer.stderr.split("This mends it:\n")[1]
    assert "active (running)" in bare.run(mend, timeout=120).stdout


def test_the_bootstrap_may_be_run_again(bare: Box, wheel: Path) -> None:
    """From a wheel, without a network: installed and running; the same line again changes nothing at all."""
    script = Path(__file__).parents[2] / "packaging/bootstrap"
    bare.write("/root/bootstrap", script.read_text())
    shutil.copy2(wheel, bare.root / "root" / wheel.name)
    line = ["sh", "/root/bootstrap", f"/root/{wheel.name}"]
    try:
        assert "active (running)" in bare.run(line, env={"PIP_NO_INDEX": "1"}, timeout=240).stdout
        before, files = properties(bare, "MainPID", "InvocationID"), traces(bare)
        assert words(bare.run(line, timeout=120).stdout) == {"already"}
        assert (properties(bare, "MainPID", "InvocationID"), traces(bare)) == (before, files)
        # The Python that it was made with is gone, as after an upgrade of the system; and others may write beside it.
        bare.run(
            f"mv /root/{wheel.name} /tmp/ && touch /tmp/pip-999-py3-none-any.whl; rm /opt/runaway-watchdog/bin/python*"
        )
        again = bare.run(["sh", "/root/bootstrap", f"/tmp/{wheel.name}"], env={"PIP_NO_INDEX": "1"}, timeout=240)
        assert "others than root may write /tmp: wheels beside the file are not used" in again.stderr
        assert "active (running)" in again.stdout
    finally:
        bare.run("rm -f /root/bootstrap /root/*.whl /tmp/*.whl /opt/runaway-watchdog/.wheel")


def test_needs_root_and_systemd(bare: Box) -> None:
    """Without root, or where systemd is not PID 1, it says so, says what to do, and changes nothing."""
    answer = bare.run(["setpriv", "--reuid=nobody", "--clear-groups", PROGRAM, "install"], check=False)
    assert (answer.returncode, answer.stderr) == (
        1,
        f"runaway-watchdog install: needs root: sudo {PROGRAM} install\n",
    )
    answer = bare.run(f"unshare -m sh -c 'mount -t tmpfs none /run/systemd && {PROGRAM} install'", check=False)
    assert answer.returncode == 1
    assert "systemd is not PID 1" in answer.stderr
    assert "runaway-watchdog run" in answer.stderr


def test_debians_watchdog_keeps_its_name(bare: Box) -> None:
    """Where `watchdog` is another program, no link takes its name, and the reader is warned."""
    bare.write("/usr/sbin/watchdog", "#!/bin/sh\n", 0o755)
    try:
        report = install(bare)
        assert "can reboot the host" in report
        assert not bare.exists("/usr/local/bin/watchdog")
        assert bare.exists("/usr/local/bin/runaway-watchdog")
    finally:
        bare.run(["rm", "/usr/sbin/watchdog"])


def test_without_docker_it_runs_too(bare: Box) -> None:
    """No docker group: no drop-in, a note, and a service that runs; a group that went away takes its drop-in along."""
    install(bare)
    assert bare.exists(DOCKER_DROP_IN)
    bare.run("systemctl stop docker.socket docker.service && groupmod -n docker-gone docker")
    try:
        report = install(bare)
        assert "the docker group is gone" in report
        assert "active (running)" in report
        assert not bare.exists(DOCKER_DROP_IN)
        assert "note     no docker group here" in install(bare)
    finally:
        bare.run("groupmod -n docker docker-gone && systemctl start docker.socket docker.service")


def test_uninstall_keeps_configuration_and_history(installed: Box) -> None:
    """The service, its unit and its links are gone; configuration and history stay, and it says where they are."""
    installed.wait_for("a store", lambda: installed.exists(f"{STATE}/watchdog.db"))
    dry = installed.run([PROGRAM, "uninstall", "--dry-run"]).stdout
    assert properties(installed, "ActiveState") == {"ActiveState": "active"}
    report = installed.run([PROGRAM, "uninstall"]).stdout
    assert titles(dry) == titles(report)
    assert CONFIG in report
    assert STATE in report
    assert properties(installed, "LoadState", "ActiveState") == {"LoadState": "not-found", "ActiveState": "inactive"}
    left = installed.run(
        f"find /etc /usr/local /usr/lib/systemd /var/lib -xdev -name '*watchdog*' -not -path '{STATE}/*'"
    ).stdout.split()
    assert sorted(left) == ["/etc/runaway-watchdog", STATE]
    assert installed.exists(CONFIG)
    assert installed.exists(f"{STATE}/watchdog.db")


def test_what_the_service_alone_was_given_is_found_and_taken_away(installed: Box) -> None:
    """A URL in its drop-in is a channel for doctor too; without the docker group it runs as well, over an upgrade."""
    drop_in = "/etc/systemd/system/runaway-watchdog.service.d/override.conf"
    try:
        mine = "[Service]\nEnvironment=RUNAWAY_WATCHDOG_ALERT_URLS=json://127.0.0.1:9/\nSupplementaryGroups=\n"
        installed.write(drop_in, mine)
        install(installed)
        installed.run("systemctl daemon-reload && systemctl restart runaway-watchdog")
        assert properties(installed, "SupplementaryGroups", "ActiveState") == {
            "SupplementaryGroups": "", "ActiveState": "active",
        }  # fmt: skip
        told = installed.run([PROGRAM, "doctor"], check=False).stdout
        assert "alerts: go to json(127.0.0.1" in told, told
    finally:
        installed.run(f"rm -f {drop_in}; systemctl daemon-reload")
        installed.run([PROGRAM, "uninstall"])


def test_metrics_answer_from_less_than_the_service_may(installed: Box) -> None:
    """A service of its own, for whoever asks for it, tells what the watch found; an uninstall takes it along."""
    name = "runaway-watchdog-metrics.service"
    ask = ["curl", "-sf", "http://127.0.0.1:9764/metrics"]
    try:
        before = properties(installed, "MainPID", "InvocationID")
        install(installed, "--metrics", "--no-self-test")
        assert properties(installed, "MainPID", "InvocationID") == before
        told = installed.wait_for("a watch that looks", lambda: looking(installed.run(ask, check=False).stdout))
        assert re.search(r"(?m)^runaway_watchdog_memory_bytes [1-9]", told)
        exposure = installed.run(["systemd-analyze", "security", name]).stdout
        found = re.search(rf"exposure level for {name}: ([\d.]+)", exposure)
        assert found is not None
        assert float(found[1]) <= 1.6
        assert not installed.run(["systemd-analyze", "verify", f"/etc/systemd/system/{name}"]).stderr
        assert words(install(installed)) == {"already"}
        installed.run("mv /opt/runaway-watchdog/bin/runaway-watchdog /opt/runaway-watchdog/bin/away")
        installed.run(["systemctl", "restart", name])
        seen = installed.run(["systemctl", "show", name, "--property=ActiveState,ConditionResult,NRestarts"]).stdout
        assert sorted(seen.split()) == ["ActiveState=inactive", "ConditionResult=no", "NRestarts=0"]
    finally:
        installed.run("mv /opt/runaway-watchdog/bin/away /opt/runaway-watchdog/bin/runaway-watchdog", check=False)
        installed.run([PROGRAM, "uninstall"])
    assert not installed.exists(f"/etc/systemd/system/{name}")
    assert installed.run(ask, check=False).returncode != 0


def test_metrics_whose_port_is_taken_are_no_success(installed: Box) -> None:
    """The installation ends with 1 and what the service said; the watch runs on."""
    name = "runaway-watchdog-metrics.service"
    installed.run(["systemd-run", "--unit=taken", "python3", "-m", "http.server", "--bind", "127.0.0.1", "9764"])
    try:
        installed.wait_for("the port to be taken", lambda: "9764" in installed.run("ss -Hltn").stdout)
        done = installed.run([PROGRAM, "install", "--metrics", "--no-self-test"], check=False)
        assert done.returncode == 1
        assert f"could not start {name}" in done.stderr
        assert "127.0.0.1 port 9764" in done.stderr
        assert properties(installed, "ActiveState") == {"ActiveState": "active"}
        installed.run(["systemctl", "stop", "taken"])
        assert words(install(installed, "--metrics", "--no-self-test")) >= {"done"}
        installed.run(["systemctl", "disable", "--now", name])
        assert words(install(installed)) == {"already"}
        assert installed.run(["systemctl", "is-active", name], check=False).stdout.strip() == "inactive"
    finally:
        installed.run("systemctl stop taken", check=False)
        installed.run([PROGRAM, "uninstall"])


def looking(told: str) -> str | None:
    return told if "\nrunaway_watchdog_up 1\n" in told else None


def test_purge_leaves_nothing(installed: Box) -> None:
    """--purge removes configuration, history and user too; run again, it finds nothing to do."""
    installed.wait_for("a store", lambda: installed.exists(f"{STATE}/watchdog.db"))
    installed.run([PROGRAM, "uninstall", "--purge"])
    left = installed.run("find /etc /usr/local /var /run -xdev -name '*runaway-watchdog*'").stdout
    assert left == ""
    assert "runaway-watchdog" not in installed.read("/etc/passwd") + installed.read("/etc/group")
    assert "done" not in words(installed.run([PROGRAM, "uninstall", "--purge"]).stdout)


def test_purge_spares_what_is_not_ours(installed: Box) -> None:
    """A file that somebody else put into our folders stays, and so does its folder; both are told."""
    installed.write("/etc/runaway-watchdog/urls", "mailto://user:secret@example.org\n", 0o600)
    installed.write(f"{UNIT}.d/override.conf", "[Service]\nCPUWeight=900\n")
    try:
        report = installed.run([PROGRAM, "uninstall", "--purge"]).stdout
        assert "for what is not ours in it: urls" in report
        assert "for what is not ours in it: override.conf" in report
        assert installed.exists("/etc/runaway-watchdog/urls")
        assert installed.exists(f"{UNIT}.d/override.conf")
    finally:
        installed.run(["rm", "-r", "/etc/runaway-watchdog", f"{UNIT}.d"])
