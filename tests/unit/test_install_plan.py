"""From a host's present state to the steps: what is planned, what is spared, what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from runaway_watchdog import shipped
from runaway_watchdog.install import helpers, host as places, plan
from runaway_watchdog.install.host import Account, HostSurvey
from runaway_watchdog.install.steps import (
    Already,
    Do,
    MakeLink,
    Note,
    RemoveFile,
    RemoveFolder,
    RunProgram,
    Step,
    WriteFile,
)
from runaway_watchdog.install.unit import UnitState

PROGRAM = "/opt/runaway-watchdog/bin/runaway-watchdog"
OURS = "# Written by `runaway-watchdog install --metrics`\n[Service]\nExecStart=@PROGRAM@ metrics\n"
UNITS = ("[Service]\nExecStart=@PROGRAM@ run\n", tuple(f"# {name}\n" for name in shipped.HELPER_UNITS), OURS)
SHIPPED = plan.Shipped(*UNITS, "u runaway-watchdog\n", "# sample\n")
NAME, METRICS = "runaway-watchdog.service", "runaway-watchdog-metrics.service"

BARE = HostSurvey(
    program=PROGRAM,
    installed_at=1000.0,
    texts={},
    listings={},
    links={},
    account=None,
    groups=frozenset({"root", "docker"}),
    other_watchdog=None,
    unit=UnitState(),
    metrics=UnitState(),
)
INSTALLED = replace(
    BARE,
    texts={
        places.UNIT: f"[Service]\nExecStart={PROGRAM} run\n",
        **dict(zip(places.HELPER_UNITS, SHIPPED.helpers, strict=True)),
        places.DOCKER_DROP_IN: helpers.DOCKER_DROP_IN,
        places.SYSUSERS: SHIPPED.sysusers,
    },
    listings={
        places.CASE_DROP_INS: ("docker.conf",),
        places.CONFIG_FOLDER: ("config.toml",),
        places.STATE_FOLDER: ("watchdog.db", "watchdog.db-wal"),
    },
    links={"runaway-watchdog": PROGRAM, "watchdog": "/opt/runaway-watchdog/bin/watchdog"},
    account=Account(995, places.STATE_FOLDER),
    unit=UnitState("loaded", "active", "running", "enabled", main_pid=42, started_at=2000.0),
)


def changes(steps: tuple[Step, ...]) -> list[object]:
    return [step.action for step in steps if isinstance(step, Do)]


def commands(steps: tuple[Step, ...]) -> list[str]:
    return [" ".join(action.argv) for action in changes(steps) if isinstance(action, RunProgram)]


def notes(steps: tuple[Step, ...]) -> str:
    return "\n".join(step.title for step in steps if isinstance(step, Note))


def test_a_bare_host_gets_everything_in_an_order_that_works() -> None:
    """The user exists before the unit that names it, the unit before it is started."""
    assert commands(plan.install(BARE, SHIPPED)) == [
        f"systemd-sysusers {places.SYSUSERS}",
        "systemctl daemon-reload",
        f"systemctl enable {NAME}",
        f"systemctl start {NAME}",
    ]


def test_an_installed_host_needs_nothing() -> None:
    """Every step of a second run says that it is so already."""
    assert {type(step) for step in plan.install(INSTALLED, SHIPPED)} == {Already}


def test_the_unit_names_the_program() -> None:
    """The placeholder of the shipped unit becomes the absolute path of the command that installs it."""
    written = [action for action in changes(plan.install(BARE, SHIPPED)) if isinstance(action, WriteFile)]
    assert next(action.text for action in written if action.path == places.UNIT) == SHIPPED.unit.replace(
        "@PROGRAM@", PROGRAM
    )


def test_the_configuration_is_private_and_never_replaced() -> None:
    """A new one is readable for root alone, since channels carry passwords; one that exists is not touched."""
    written = {action.path: action for action in changes(plan.install(BARE, SHIPPED)) if isinstance(action, WriteFile)}
    assert written[places.CONFIG].mode == 0o600
    host = replace(BARE, listings={places.CONFIG_FOLDER: ("config.toml",)})
    assert not [
        action for action in changes(plan.install(host, SHIPPED)) if getattr(action, "path", "") == places.CONFIG
    ]


def test_a_changed_unit_restarts_the_service() -> None:
    """systemd reads the new unit, and then what runs is started anew."""
    host = replace(INSTALLED, texts={**INSTALLED.texts, places.UNIT: "older"})
    assert commands(plan.install(host, SHIPPED)) == ["systemctl daemon-reload", f"systemctl restart {NAME}"]


def test_a_newer_program_restarts_the_service() -> None:
    """What was installed after the service was started does not run yet."""
    assert commands(plan.install(replace(INSTALLED, installed_at=2001.0), SHIPPED)) == [f"systemctl restart {NAME}"]


@pytest.mark.parametrize(("active", "verb"), [("inactive", "start"), ("failed", "start"), ("activating", "restart")])
def test_a_service_that_does_not_run_is_started(active: str, verb: str) -> None:
    """Also one that systemd is between two attempts with."""
    assert INSTALLED.unit is not None
    host = replace(INSTALLED, unit=replace(INSTALLED.unit, active=active))
    assert commands(plan.install(host, SHIPPED)) == [f"systemctl {verb} {NAME}"]


def test_a_masked_unit_is_refused() -> None:
    """Somebody forbade it: that is said with the mend, and not overruled."""
    with pytest.raises(plan.RefusedError, match=r"systemctl unmask runaway-watchdog\.service"):
        plan.install(replace(BARE, unit=UnitState(file="masked")), SHIPPED)


@pytest.mark.parametrize("program", ["/opt/my tools/bin/runaway-watchdog", "/opt/100%/bin/runaway-watchdog"])
def test_a_path_that_a_unit_cannot_name_is_refused(program: str) -> None:
    """A space would cut the command short, a per cent sign is systemd's own."""
    with pytest.raises(plan.RefusedError):
        plan.install(replace(BARE, program=program), SHIPPED)


def test_without_a_docker_group_there_is_no_drop_in() -> None:
    """A unit that names a group which does not exist cannot start: an old drop-in goes too."""
    host = replace(BARE, groups=frozenset({"root"}))
    assert "no docker group" in notes(plan.install(host, SHIPPED))
    host = replace(INSTALLED, groups=frozenset({"root"}))
    assert changes(plan.install(host, SHIPPED))[0] == RemoveFile(places.DOCKER_DROP_IN)


def test_an_older_installation_loses_the_watchs_docker_group() -> None:
    """One unit did everything then: the drop-in goes, with its folder where nothing else is in it."""
    texts = {path: text for path, text in INSTALLED.texts.items() if path != places.DOCKER_DROP_IN}
    older = replace(
        INSTALLED,
        texts={**texts, places.OLD_DOCKER_DROP_IN: helpers.DOCKER_DROP_IN},
        listings={**INSTALLED.listings, places.DROP_INS: ("docker.conf",), places.CASE_DROP_INS: ()},
    )
    done = changes(plan.install(older, SHIPPED))
    assert WriteFile(places.DOCKER_DROP_IN, helpers.DOCKER_DROP_IN, 0o644) in done
    assert RemoveFile(places.OLD_DOCKER_DROP_IN) in done
    assert RemoveFolder(places.DROP_INS) in done
    assert commands(plan.install(older, SHIPPED)) == ["systemctl daemon-reload", f"systemctl restart {NAME}"]
    own = replace(older, texts={**texts, places.OLD_DOCKER_DROP_IN: "[Service]\nSupplementaryGroups=docker\n"})
    assert RemoveFile(places.OLD_DOCKER_DROP_IN) not in changes(plan.install(own, SHIPPED))


def test_what_somebody_set_for_the_service_holds_for_its_helpers() -> None:
    """Groups for what explains; proxies and folders for both; the channels' URLs for neither."""
    mine = ("SupplementaryGroups=", "Environment=HTTPS_PROXY=http://p:1", "CPUWeight=9", "ReadWritePaths=/srv/watch")
    url = "Environment=RUNAWAY_WATCHDOG_ALERT_URLS=json://secret@x/"
    host = replace(INSTALLED, overrides=(*mine, url))
    written = {action.path: action for action in changes(plan.install(host, SHIPPED)) if isinstance(action, WriteFile)}
    case, send = (written[path].text.split("[Service]\n")[1].splitlines() for path in CARRIED)
    assert case == ["SupplementaryGroups=", "Environment=HTTPS_PROXY=http://p:1", "ReadWritePaths=/srv/watch"]
    assert send == ["Environment=HTTPS_PROXY=http://p:1", "ReadWritePaths=/srv/watch"]
    assert {written[path].mode for path in CARRIED} == {0o600}
    folders = {**host.listings, places.SEND_DROP_INS: ("of-the-watch.conf",)}
    texts = {**host.texts, **{path: written[path].text for path in CARRIED}}
    settled = replace(host, texts=texts, listings=folders)
    assert {type(step) for step in plan.install(settled, SHIPPED)} == {Already}
    gone = changes(plan.install(replace(settled, overrides=()), SHIPPED))
    assert [RemoveFile(path) for path in CARRIED] == [each for each in gone if isinstance(each, RemoveFile)]


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("Environment=A=1 RUNAWAY_WATCHDOG_ALERT_URLS=json://x/ B=2", "Environment=A=1 B=2"),
        ('Environment="RUNAWAY_WATCHDOG_ALERT_URLS=json://x/ json://y/" "C=a b"', 'Environment="C=a b"'),
        (
            "Environment = 'RUNAWAY_WATCHDOG_ALERT_URLS=json://x/' D=RUNAWAY_WATCHDOG_",
            "Environment=D=RUNAWAY_WATCHDOG_",
        ),
        ("Environment=RUNAWAY_WATCHDOG_ALERT_URLS=json://x/", None),
        ("Environment=", "Environment="),
        ("EnvironmentFile=/etc/RUNAWAY_WATCHDOG_", "EnvironmentFile=/etc/RUNAWAY_WATCHDOG_"),
    ],
)
def test_an_address_is_left_out_and_what_stands_beside_it_is_not(line: str, kept: str | None) -> None:
    """An empty list would forget what the unit itself sets: it is written where somebody wrote it, and nowhere else."""
    done = changes(plan.install(replace(INSTALLED, overrides=(line,)), SHIPPED))
    written = {action.path: action.text for action in done if isinstance(action, WriteFile)}
    for path in CARRIED:
        text = written.get(path)
        assert (None if text is None else text.split("[Service]\n")[1]) == (None if kept is None else f"{kept}\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[Service]\nA=1\n", ("A=1",)),
        ("A=0\n[Unit]\nB=1\n[Service]\nC=2\n", ("C=2",)),
        ("[Service]\n# no more \\\nA=1\n", ("A=1",)),
        ("[Service]\nA=1 \\\n# between \\\n  ; and this\n  2\nB=3\n", ("A=1  2", "B=3")),
        ("[Service]\nA=1 \\\n\nB=3\n", ("A=1", "B=3")),
        ("[Service]\nA=1\\\\\nB=3\n", ("A=1\\\\", "B=3")),
        ("[Service]\r\nA=1 \\\r\n2\r\n", ("A=1  2",)),
        ("[Service]\nA=1 \\", ("A=1",)),
        ("[Service]\nA=1 \\\nB=2\n", ("A=1  B=2",)),
        ("[Service]\n=1\nA\n", ("=1",)),
    ],
)
def test_a_drop_in_is_read_as_systemd_reads_it(tmp_path: Path, text: str, found: tuple[str, ...]) -> None:
    """A comment is gone before anything is joined, wherever it stands; systemd.syntax(7)."""
    folder = tmp_path / places.DROP_INS.lstrip("/")
    folder.mkdir(parents=True)
    (folder / "override.conf").write_bytes(text.encode())
    assert places.overrides_of(tmp_path) == found


CARRIED = (places.CASE_CARRIED, places.SEND_CARRIED)


def test_debians_watchdog_is_told_and_keeps_its_name() -> None:
    """No link is made over it, and the reader learns what that other command can do."""
    steps = plan.install(replace(BARE, other_watchdog="/usr/sbin/watchdog"), SHIPPED)
    links = [action.path for action in changes(steps) if isinstance(action, MakeLink)]
    assert links == ["/usr/local/bin/runaway-watchdog"]
    assert "can reboot the host" in notes(steps)


def test_somebody_elses_file_in_our_links_place_stays() -> None:
    """A plain file, or a link that leads elsewhere, is told and left alone; an older link of ours is led anew."""
    links = {"runaway-watchdog": "/opt/old/bin/runaway-watchdog", "watchdog": None}
    steps = plan.install(replace(BARE, links=links), SHIPPED)
    made = [action for action in changes(steps) if isinstance(action, MakeLink)]
    assert made == [MakeLink("/usr/local/bin/runaway-watchdog", PROGRAM)]
    assert "/usr/local/bin/watchdog is not ours" in notes(steps)


def test_a_program_in_the_links_place_needs_no_link() -> None:
    """Installed by the system's own pip, the command is in /usr/local/bin already."""
    host = replace(BARE, program="/usr/local/bin/runaway-watchdog", links={"runaway-watchdog": None, "watchdog": None})
    assert not [action for action in changes(plan.install(host, SHIPPED)) if isinstance(action, MakeLink)]
    assert not [action for action in changes(plan.uninstall(host, purge=True)) if "/usr/local/bin" in str(action)]


def test_uninstall_stops_before_it_removes() -> None:
    """The unit is still there when systemd is asked to stop it; configuration, history and user stay."""
    steps = plan.uninstall(INSTALLED, purge=False)
    sockets = "systemctl stop runaway-watchdog-case.socket runaway-watchdog-send.socket"
    assert commands(steps) == [
        f"systemctl stop {NAME}",
        f"systemctl disable {NAME}",
        sockets,
        "systemctl daemon-reload",
    ]
    removed = [action.path for action in changes(steps) if isinstance(action, RemoveFile)]
    assert places.UNIT in removed
    assert set(places.HELPER_UNITS) <= set(removed)
    assert places.CONFIG not in removed
    assert all(path in notes(steps) for path in (places.CONFIG, places.STATE_FOLDER, "uninstall --purge"))
    first_removal = next(
        n for n, step in enumerate(steps) if isinstance(step, Do) and isinstance(step.action, RemoveFile)
    )
    assert first_removal == 3


def test_uninstall_without_systemd_removes_the_files() -> None:
    """In a tree that is not booted there is nothing to stop and nobody to tell."""
    assert commands(plan.uninstall(replace(INSTALLED, unit=None), purge=False)) == []


def test_purge_removes_only_our_own() -> None:
    """Foreign files stay, with their folder and with the user whose they may be; each is told."""
    listings = {places.CONFIG_FOLDER: ("config.toml", "urls"), places.STATE_FOLDER: ("backup.db", "watchdog.db")}
    steps = plan.uninstall(replace(INSTALLED, listings=listings), purge=True)
    text = " ".join(map(str, changes(steps)))
    assert "config.toml" in text
    assert "watchdog.db" in text
    assert "urls" not in text
    assert "backup.db" not in text
    assert "userdel" not in text
    assert all(name in notes(steps) for name in ("urls", "backup.db", "kept: the user"))


def test_purge_spares_a_user_that_we_did_not_make() -> None:
    """An account with another home is somebody else's."""
    steps = plan.uninstall(replace(INSTALLED, account=Account(1000, "/home/rw")), purge=True)
    assert "userdel runaway-watchdog" not in commands(steps)


ANSWERING = replace(
    INSTALLED,
    texts={**INSTALLED.texts, places.METRICS_UNIT: OURS.replace("@PROGRAM@", PROGRAM)},
    metrics=UnitState("loaded", "active", "running", "enabled", main_pid=43, started_at=2000.0),
)


def test_metrics_are_a_service_of_their_own_that_is_asked_for() -> None:
    """Nobody has it who did not ask; the watch beside it is not restarted for it."""
    assert METRICS not in " ".join(commands(plan.install(BARE, SHIPPED)))
    steps = plan.install(INSTALLED, SHIPPED, metrics=True)
    written = WriteFile(places.METRICS_UNIT, OURS.replace("@PROGRAM@", PROGRAM), 0o644)
    assert changes(steps)[0] == written
    assert commands(steps) == ["systemctl daemon-reload", f"systemctl enable {METRICS}", f"systemctl start {METRICS}"]


def test_who_has_metrics_keeps_them() -> None:
    """Installed again without the word, they go on; an upgrade restarts them too."""
    assert changes(plan.install(ANSWERING, SHIPPED)) == []
    newer = plan.install(replace(ANSWERING, installed_at=3000.0), SHIPPED)
    assert commands(newer) == [f"systemctl restart {NAME}", f"systemctl restart {METRICS}"]


def test_metrics_that_were_switched_off_stay_off() -> None:
    """An upgrade without the word opens no port that somebody closed; its unit is kept up to date all the same."""
    off = replace(ANSWERING, metrics=UnitState("loaded", "inactive", "dead", "disabled"))
    assert changes(plan.install(off, SHIPPED)) == []
    newer = plan.install(off, SHIPPED._replace(metrics=OURS + "# newer\n"))
    assert commands(newer) == ["systemctl daemon-reload"]
    assert commands(plan.install(off, SHIPPED, metrics=True)) == [
        f"systemctl enable {METRICS}",
        f"systemctl start {METRICS}",
    ]


def test_somebodys_own_metrics_unit_stays_as_it_is() -> None:
    """One made by hand from the example, with an address of its own: told, not replaced, not started."""
    own = replace(ANSWERING, texts={**INSTALLED.texts, places.METRICS_UNIT: "[Service]\nExecStart=mine\n"})
    assert changes(plan.install(own, SHIPPED)) == []
    assert places.METRICS_UNIT in notes(plan.install(own, SHIPPED))
    with pytest.raises(plan.RefusedError, match="move it away"):
        plan.install(own, SHIPPED, metrics=True)
    ended = plan.uninstall(own, purge=False)
    assert f"systemctl stop {METRICS}" in commands(ended)
    assert RemoveFile(places.METRICS_UNIT) not in changes(ended)
    assert f"kept: {places.METRICS_UNIT}" in notes(ended)


def test_a_masked_metrics_unit_forbids_metrics_alone() -> None:
    """Whoever masked it wants no metrics; the watch may come, be upgraded and go all the same. The mask stays."""
    link = {**INSTALLED.texts, places.METRICS_UNIT: ""}  # to /dev/null
    masked = replace(INSTALLED, texts=link, metrics=UnitState("masked", file="masked"))
    assert changes(plan.install(masked, SHIPPED)) == []
    assert commands(plan.install(replace(masked, installed_at=3000.0), SHIPPED)) == [f"systemctl restart {NAME}"]
    assert METRICS not in " ".join(step.title for step in plan.uninstall(masked, purge=True))
    with pytest.raises(plan.RefusedError, match=METRICS):
        plan.install(masked, SHIPPED, metrics=True)


def test_what_changes_the_metrics_is_told() -> None:
    """A drop-in may open the port to others: it is named at installation, and when it is left behind."""
    changed = replace(ANSWERING, listings={**INSTALLED.listings, places.METRICS_DROP_INS: ("override.conf",)})
    assert "override.conf" in notes(plan.install(changed, SHIPPED, metrics=True))
    assert f"kept: {places.METRICS_DROP_INS}" in notes(plan.uninstall(changed, purge=True))


def test_a_history_somewhere_else_is_told_to_whoever_wants_metrics() -> None:
    """The configuration that names it is for root alone."""
    elsewhere = replace(INSTALLED, store="/srv/watch/watchdog.db")
    assert "/srv/watch/watchdog.db" in notes(plan.install(elsewhere, SHIPPED, metrics=True))
    assert "/srv/watch/watchdog.db" not in notes(plan.install(elsewhere, SHIPPED))


def test_an_uninstall_takes_the_metrics_along() -> None:
    """Else it would answer from a program that is gone; wherever its unit comes from."""
    steps = plan.uninstall(ANSWERING, purge=False)
    assert commands(steps)[3:5] == [f"systemctl stop {METRICS}", f"systemctl disable {METRICS}"]
    assert RemoveFile(places.METRICS_UNIT) in changes(steps)
    removed_by_hand = replace(ANSWERING, texts=INSTALLED.texts)
    assert commands(plan.uninstall(removed_by_hand, purge=True))[3:5] == commands(steps)[3:5]
    assert METRICS not in " ".join(step.title for step in plan.uninstall(INSTALLED, purge=False))


def test_the_shipped_unit_has_the_placeholder_where_it_is_run() -> None:
    """What `install` replaces is in the file that is shipped, where a program is named, and nowhere else."""
    text = shipped.read(shipped.UNIT)
    assert text.count("@PROGRAM@") == 3
    for line in ("ExecStartPre=-+{} --hand-over {}", "ExecReload=+{} --hand-over {}", "ExecStart={} --units {}"):
        assert line.format("@PROGRAM@ run", places.HANDOVER) in text
    for path, unit in ((path, shipped.read(path.rpartition("/")[2])) for path in places.HELPER_UNITS):
        assert unit.count("@PROGRAM@") == path.endswith(".service")


def test_every_loosening_of_the_unit_has_its_reason() -> None:
    """A directive that says no, default or read-only where it could say yes stands under a comment."""
    watch = ["ProtectProc=ptraceable", "PrivateUsers=no", "ProcSubset=all", "AmbientCapabilities=", "ExecStartPre=+"]
    watch += ["PrivateNetwork=", "ExecReload=+", "CPUWeight="]
    case = ["PrivateTmp=no", "ProtectHome=read-only", "ProtectProc=ptraceable", "PrivateUsers=no", "ProcSubset=all"]
    case += ["AmbientCapabilities=", "RestrictAddressFamilies=", "CPUWeight="]
    send = ["ProtectProc=", "RestrictAddressFamilies=", "LoadCredential=", "KillSignal="]
    parts = ((shipped.UNIT, watch), (shipped.HELPER_UNITS[1], case), (shipped.HELPER_UNITS[3], send))
    for name, start in ((name, start) for name, loose in parts for start in loose):
        lines = shipped.read(name).splitlines()
        number = next(n for n, line in enumerate(lines) if line.startswith(start))
        above = lines[number - 1]
        assert above.startswith(("#", "ProtectProc=")), f"{start} has no reason"
