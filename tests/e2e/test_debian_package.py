"""The Debian package on a bare Debian without a network: installed, used, upgraded, removed, purged."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.rig.box import Box, MakeBox

pytestmark = pytest.mark.truth

CHECKOUT = Path(__file__).parents[2]
CONFIG = "/etc/runaway-watchdog/config.toml"
STORE = "/var/lib/runaway-watchdog/watchdog.db"
PACKAGE = "/var/tmp/runaway-watchdog.deb"
NEWER = "/var/tmp/runaway-watchdog-newer.deb"


@pytest.fixture(scope="module")
def bare(make_box: MakeBox) -> Box:
    """Debian as it comes, with Docker running and nothing of ours; the rig's own pip and venv are not asked."""
    return make_box(installed=False, image=False)


@pytest.fixture(scope="module")
def package(request: pytest.FixtureRequest, bare: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`$RUNAWAY_RIG_DEB`, or built by this machine's Debian Python, which must have the box's minor version."""
    given = os.environ.get("RUNAWAY_RIG_DEB")
    if given:
        yield Path(given)
        return
    python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
    ask = "import sys; print(sys.version_info.minor)"
    mine = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout
    if mine != bare.run(["/usr/bin/python3", "-c", ask]).stdout:
        pytest.skip(f"{python} is not the box's Python: this package would be for another release")
    folder = tmp_path_factory.mktemp("deb")
    argv = [str(CHECKOUT / "packaging/build-deb"), python, str(request.getfixturevalue("wheel")), str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    yield Path(done.stdout.strip().splitlines()[-1])
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def copied(package: Path, bare: Box) -> Box:
    """The box with the package, and a newer one of the same content, in its /var/tmp."""
    shutil.copy2(package, bare.root / PACKAGE.lstrip("/"))
    bare.run(
        f"dpkg-deb -R {PACKAGE} /var/tmp/newer && sed -i 's/^Version: .*/&+newer/' /var/tmp/newer/DEBIAN/control"
        f" && dpkg-deb -Znone -b /var/tmp/newer {NEWER} && rm -r /var/tmp/newer",
        timeout=120,
    )
    return bare


def ours(box: Box) -> str:
    """Everything on the host that has our name, but for the packages that were brought and dpkg's own lists."""
    places = "/etc /opt /usr /var /run"
    return box.run(
        f"find {places} -xdev -name '*runaway*watchdog*' -not -path '/var/tmp/*' -not -path '/var/lib/dpkg/*'"
        " -not -path '/var/log/*' | sort"
    ).stdout


def test_its_life(copied: Box) -> None:
    """Installed: it runs and has passed its test. Upgraded: configuration and history stay. Purged: nothing is left."""
    box = copied
    assert ours(box) == ""
    report = box.run(["dpkg", "-i", PACKAGE], timeout=180).stdout
    assert "runaway-watchdog.service is active (running)" in report
    assert re.search(
        r"found after [\d.]+ s, explained after [\d.]+ s \(kept by runaway-watchdog-burn.service\)", report
    )
    assert "no message of its own" in report
    status = json.loads(box.run(["runaway-watchdog", "status", "--json"]).stdout)
    assert status["watch"]["pulse"] == "alive"
    assert box.run(["stat", "-c", "%a", CONFIG]).stdout.strip() == "600"
    assert box.run("dpkg -V runaway-watchdog").stdout == ""
    assert "RUNAWAY" in box.read("/usr/local/share/man/man1/runaway-watchdog.1")
    assert not box.exists("/run/systemd/system/runaway-watchdog-burn.service")
    examples = box.run(["ls", "/usr/share/doc/runaway-watchdog/examples"]).stdout.split()
    assert examples == ["prometheus-alerts.yml"]

    box.write(CONFIG, "[sampling]\ninterval = '3s'\n", 0o600)
    box.run("systemctl restart runaway-watchdog")
    before = invocation(box)
    report = box.run(["dpkg", "-i", NEWER], timeout=180).stdout
    assert "yours, and it stays as it is" in report
    assert "interval = '3s'" in box.read(CONFIG)
    assert invocation(box) != before
    assert box.exists(STORE)

    box.run(["dpkg", "-r", "runaway-watchdog"], timeout=60)
    assert sorted(ours(box).split()) == ["/etc/runaway-watchdog", "/var/lib/runaway-watchdog"]
    assert "interval = '3s'" in box.read(CONFIG)
    assert box.run(["systemctl", "is-active", "runaway-watchdog"], check=False).stdout.strip() == "inactive"

    box.run(["dpkg", "-P", "runaway-watchdog"], timeout=60)
    assert ours(box) == ""
    assert "runaway-watchdog" not in box.read("/etc/passwd") + box.read("/etc/group")
    assert box.run("systemctl list-unit-files | grep -c runaway || true").stdout.strip() == "0"


def test_it_does_not_mix_with_make_install(copied: Box) -> None:
    """A program that dpkg did not put there is left alone, and told; nothing is half installed."""
    copied.write("/opt/runaway-watchdog/bin/marker", "mine\n")
    try:
        answer = copied.run(["dpkg", "-i", PACKAGE], check=False, timeout=120)
        assert answer.returncode != 0
        assert "make install" in answer.stderr
        assert copied.read("/opt/runaway-watchdog/bin/marker") == "mine\n"
    finally:
        copied.run("rm -r /opt/runaway-watchdog; dpkg -P runaway-watchdog", check=False)


def test_a_broken_configuration_leaves_dpkg_whole(copied: Box) -> None:
    """The package is installed, what is wrong is told, and `install` is the way on once it is mended."""
    copied.write(CONFIG, "[sampling]\nintervall = '3s'\n", 0o600)
    try:
        answer = copied.run(["dpkg", "-i", PACKAGE], timeout=180)
        assert "intervall" in answer.stderr
        assert "install ok installed" in copied.run(["dpkg", "-s", "runaway-watchdog"]).stdout
        copied.write(CONFIG, "", 0o600)
        assert "active (running)" in copied.run(["runaway-watchdog", "install"], timeout=120).stdout
    finally:
        copied.run(["dpkg", "-P", "runaway-watchdog"], check=False, timeout=60)
    assert ours(copied) == ""


def test_the_bootstrap_may_be_run_again(copied: Box) -> None:
    """One line on a bare host, the same line again, then a newer package: the same host, and no restart in vain."""
    box = copied
    script = (CHECKOUT / "packaging/bootstrap").read_text()
    box.write("/root/bootstrap", script)
    try:
        assert ours(box) == ""
        first = box.run(["bash", "-s", PACKAGE], input=script, timeout=240).stdout  # bash reads it as it goes
        assert "runaway-watchdog.service is active (running)" in first
        box.write(CONFIG, "[sampling]\ninterval = '3s'\n", 0o600)
        before, running = ours(box), invocation(box)
        again = box.run(["sh", "/root/bootstrap", PACKAGE], timeout=120).stdout
        assert {line[:8].strip() for line in again.partition("\n\n")[0].splitlines()} == {"already"}
        assert (ours(box), invocation(box)) == (before, running)
        newer = box.run(["sh", "/root/bootstrap", NEWER], timeout=240).stdout
        assert "Unpacking runaway-watchdog" in newer
        assert invocation(box) != running
        assert "interval = '3s'" in box.read(CONFIG)
        box.run("rm /etc/systemd/system/runaway-watchdog.service && systemctl stop runaway-watchdog")
        mended = box.run(["sh", "/root/bootstrap", NEWER], timeout=120).stdout
        assert "already  the package is installed" in mended
        assert "runaway-watchdog.service is active (running)" in mended
    finally:
        box.run(["dpkg", "-P", "runaway-watchdog"], check=False, timeout=60)
    assert ours(box) == ""


def invocation(box: Box) -> str:
    """Another one after each start of the service."""
    return box.run("systemctl show runaway-watchdog --property=InvocationID").stdout
