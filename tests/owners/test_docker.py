"""Containers: who claims what, what returns, and what is proposed."""

from typing import Any

import pytest
from support.builders import CONTAINER_ID, make_container, make_facts, make_process

from runaway_watchdog import owners
from runaway_watchdog.engines.model import HealthCheck
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.owner import Action
from runaway_watchdog.owners.docker import container
from runaway_watchdog.owners.docker.containment import contain, reference
from runaway_watchdog.owners.docker.details import Init
from runaway_watchdog.owners.interface import Unread


@pytest.mark.parametrize(
    "path",
    [
        f"/system.slice/docker-{CONTAINER_ID}.scope",
        f"/system.slice/docker-{CONTAINER_ID}.scope/init",
        f"/docker/{CONTAINER_ID}",
        f"/clients.slice/clients-shop.slice/docker-{CONTAINER_ID}.scope",
    ],
)
def test_a_container_is_claimed_by_its_cgroup(path: str) -> None:
    """The scope of the systemd driver and the folder of the cgroupfs driver both name the container."""
    claim = container.claim(make_facts(make_process(cgroup=path)))
    assert claim is not None
    assert claim.ref == CONTAINER_ID


@pytest.mark.parametrize(
    "path",
    [
        "/system.slice/docker.service",
        f"/system.slice/var-lib-docker-{CONTAINER_ID}.mount",
        f"/payload/system.slice/docker-{CONTAINER_ID}.scope",
        f"/system.slice/x.service/docker/{CONTAINER_ID}",
        f"/system.slice/docker-{CONTAINER_ID[:12]}.scope",
    ],
)
def test_a_near_miss_is_not_a_container(path: str) -> None:
    """A path that only looks like a container's is left to the others."""
    assert container.claim(make_facts(make_process(cgroup=path))) is None


# policy, action -> returns. The exit code of a SIGKILL is 137, of a SIGTERM 143: both count as a failure.
RETURNS: list[tuple[str, Action, bool]] = [
    ("no", "sigkill", False),
    ("no", "sigterm", False),
    ("always", "sigkill", True),
    ("always", "clean-exit", True),
    ("unless-stopped", "sigterm", True),
    ("on-failure", "sigkill", True),
    ("on-failure", "failure-exit", True),
    ("on-failure", "clean-exit", False),
    ("always", "owner-stop", False),
    ("always", "owner-daemon-restart", True),
    ("unless-stopped", "owner-daemon-restart", True),
    ("no", "owner-daemon-restart", False),
    ("always", "reboot", True),
]


@pytest.mark.parametrize(("policy", "action", "returns"), RETURNS)
def test_the_policy_decides_what_returns(policy: str, action: Action, returns: bool) -> None:
    """Each restart policy answers each kind of end as the engine was seen to."""
    outlook = container.outlook(make_container(policy), make_facts(), action)
    assert (outlook.ends, outlook.returns) == (True, returns)


def test_an_exhausted_on_failure_does_not_return() -> None:
    """on-failure:3 gives up after three restarts."""
    outlook = container.outlook(make_container("on-failure:3", restart_count=3), make_facts(), "sigkill")
    assert outlook.returns is False
    assert "used up" in outlook.why


def test_pid_1_without_a_handler_does_not_feel_sigterm() -> None:
    """The first process of a PID namespace only gets the signals that it handles."""
    process = make_process(namespace_pids=(3355, 1))
    outlook = container.outlook(make_container("always"), make_facts(process), "sigterm")
    assert (outlook.ends, outlook.returns, outlook.certainty) == (False, False, "certain")


def test_an_exit_code_of_its_own_cannot_be_told() -> None:
    """Under on-failure, what follows a handled SIGTERM depends on the exit code that the program chooses."""
    process = make_process(sigterm="handled")
    outlook = container.outlook(make_container("on-failure"), make_facts(process), "sigterm")
    assert (outlook.returns, outlook.certainty) == (None, "unknown")


def test_a_stray_of_docker_exec_does_not_return() -> None:
    """Its parent is the shim, not the container's main process."""
    shim = make_process(900, name="containerd-shim")
    outlook = container.outlook(make_container(main_pid=1000), make_facts(parent=shim), "sigkill")
    assert (outlook.returns, outlook.certainty) == (False, "certain")


def test_a_stray_is_ended_by_itself() -> None:
    """Nothing would start it again, so the container that it sits in need not stop."""
    shim = make_process(900, name="containerd-shim")
    containment = container.contain(make_container(main_pid=1000), make_facts(parent=shim))
    assert not any("docker" in step.command for step in containment.steps)
    assert "then kill 3355" in containment.steps[-1].command


def test_live_restore_keeps_containers_over_a_restart_of_the_engine() -> None:
    """With live-restore the engine's restart ends nothing."""
    outlook = container.outlook(make_container(live_restore=True), make_facts(), "owner-daemon-restart")
    assert (outlook.ends, outlook.returns) == (False, False)


def test_a_container_that_dies_young_waits_longer() -> None:
    """Below ten seconds of life the delay doubles each time; by how much by now the engine does not tell."""
    outlook = container.outlook(make_container(up_s=2.0, restart_count=4), make_facts(), "sigkill")
    assert (outlook.returns, outlook.after_s, outlook.certainty) == (True, None, "likely")


def test_a_child_of_the_main_process_never_stops_the_container() -> None:
    """A helper that runs away in a database's container is frozen by itself: the database goes on."""
    parent = make_process(1000, name="postgres")
    containment = container.contain(make_container(main_pid=1000), make_facts(parent=parent))
    assert containment.steps
    assert not any("docker" in step.command for step in containment.steps)


def test_a_grandchild_of_docker_exec_is_a_stray_too() -> None:
    """Whoever does not descend from the container's main process was put there."""
    shell = make_process(900, name="sh", exe="/bin/sh", cmdline=("sh", "-c", "x; y"))
    outlook = container.outlook(make_container(main_pid=1000), make_facts(parent=shell), "sigkill")
    assert (outlook.returns, outlook.certainty) == (False, "certain")


@pytest.mark.parametrize("words", [("timeout", "9", "x"), ("sh", "-c", "x; true"), ("sh", "/x.sh")])
def test_what_waits_for_one_program_is_passed_over(words: tuple[str, ...]) -> None:
    """The program above it may start both again: that one is named, also where `docker exec` started it."""
    waits = make_process(950, name=words[0], exe=f"/usr/bin/{words[0]}", cmdline=words)
    for main in (900, 1000):
        program = make_process(900, name="python3", exe="/usr/bin/python3", cmdline=("python3", "x.py"))
        facts = make_facts(make_process(), waits)._replace(ancestors=(waits, program))
        outlook = container.outlook(make_container(main_pid=main), facts, "sigkill")
        assert (outlook.returns, outlook.certainty) == (None, "unknown")
        assert "python3 (900)" in outlook.why


def test_the_program_that_docker_exec_started_may_start_its_child_again() -> None:
    """It is there as long as the container is; nothing tells what it does."""
    program = make_process(900, name="python3", exe="/usr/bin/python3", cmdline=("python3", "x.py"))
    outlook = container.outlook(make_container(main_pid=1000), make_facts(parent=program), "sigkill")
    assert (outlook.returns, outlook.certainty) == (None, "unknown")
    assert "python3 (900)" in outlook.why


# started after the main process, of which session, below whom -> what its container's start does
WITH_IT: list[tuple[float, int, int, bool | None]] = [
    (2.0, 3355, 1000, True),
    (2.0, 777, 1000, None),  # a daemon of its start, or of an early exec
    (600.0, 777, 1000, False),  # the shell that started it is gone
    (600.0, 1000, 1000, None),  # its main program forked it, long after
    (600.0, 3355, 1000, None),  # a daemon of whose ever
    (2.0, 3355, 900, False),  # docker exec
]


@pytest.mark.parametrize(("after_s", "session", "parent", "returns"), WITH_IT)
def test_the_containers_start_brings_only_what_its_main_program_starts(
    after_s: float, session: int, parent: int, returns: bool | None
) -> None:
    """What began with it, or is its work; not what somebody put into it."""
    above = make_process(parent, session=parent)
    facts = make_facts(make_process(started_at=above.started_at + after_s, session=session), above)
    for action in ("owner-daemon-restart", "reboot"):
        found = container.outlook(make_container(main_pid=1000, engine_at_boot=True), facts, action)
        assert (found.ends, found.returns) == (True, returns), found


SHIM = make_process(
    900,
    name="containerd-shim",
    cmdline=("/usr/bin/containerd-shim-runc-v2", "-namespace", "moby", "-id", CONTAINER_ID, "-address", "/run/c.sock"),
    cgroup="/system.slice/containerd.service",
    sigterm="default",
)


@pytest.mark.parametrize(("policy", "returns"), [("always", True), ("no", False), ("on-failure", True)])
def test_the_end_of_a_shim_kills_its_container(policy: str, returns: bool) -> None:
    """And then the engine acts on its policy; how fast is not known. A stop of the container ends it too."""
    owner, facts = make_container(policy, main_pid=1000), make_facts(SHIM)
    claim = container.claim(facts)
    assert claim is not None
    assert claim.ref == CONTAINER_ID
    for action in ("sigkill", "clean-exit"):
        found = container.outlook(owner, facts, action)
        assert (found.ends, found.returns, found.after_s) == (True, returns, None)
        assert "the shim of container" in found.why
    assert container.outlook(owner, facts, "owner-stop").returns is False
    assert container.contain(owner, facts) == container.contain(owner, make_facts(make_process(1000)))


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": 1000},
        {"name": "sh"},
        {"namespace_pids": (900, 7)},
        {"cmdline": ("containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", CONTAINER_ID)},
        {"cmdline": ("containerd-shim-runc-v2", "-namespace", "moby", "-id", "../x")},
    ],
)
def test_what_only_calls_itself_a_shim_is_none(changes: dict[str, Any]) -> None:
    """Any process may bear such words; one of Kubernetes is no container of the engine's."""
    assert container.claim(make_facts(SHIM._replace(**changes))) is None


def test_a_health_check_is_not_a_stray() -> None:
    """The engine starts it again at its next time."""
    check = HealthCheck(("CMD-SHELL", "curl -f localhost"), 30.0)
    process = make_process(cmdline=("/bin/sh", "-c", "curl -f localhost"))
    shim = make_process(900, name="containerd-shim")
    owner = make_container(main_pid=1000, health_check=check)
    outlook = container.outlook(owner, make_facts(process, shim), "sigkill")
    assert (outlook.returns, outlook.by, outlook.after_s) == (True, "docker", 30.0)
    held = container.contain(owner, make_facts(process, shim))
    assert "longer interval" in held.goal
    assert len(held.remaining_triggers) == 1
    assert "every 30 s" in held.remaining_triggers[0]
    other = container.outlook(owner, make_facts(make_process(), shim), "sigkill")
    assert (other.returns, other.certainty) == (None, "unknown")


def test_the_stop_tells_what_else_it_does() -> None:
    """Memory-only folders are emptied, and a container that shares the network loses it until it is restarted."""
    owner = make_container(memory_only=["/scratch"], network_of=["behind"])
    stop = contain(owner, make_facts()).steps[-1]
    assert "/scratch" in stop.effect
    assert "behind" in stop.effect
    assert stop.undo == "docker start ocr-worker-1 && docker restart behind"


def test_a_paused_container_is_paused_again_by_the_undo() -> None:
    """The undo restores what was."""
    stop = contain(make_container(state="paused"), make_facts()).steps[-1]
    assert stop.undo == "docker start ocr-worker-1 && docker pause ocr-worker-1"


def test_one_replica_is_told_as_one() -> None:
    """The steps stop one container of three, and the goal must not promise the service."""
    containment = contain(make_container(kind="compose-service", replicas=2), make_facts())
    assert "one of 3 of ocr/worker" in containment.goal


def test_an_unread_policy_does_not_hide_what_the_signal_does() -> None:
    """Whether SIGTERM ends it is the process's own matter, whoever owns it."""
    gap = Gap("docker", "permission denied", "run it with sudo")
    owner = Unread("docker-container", CONTAINER_ID[:12], CONTAINER_ID, (), gap)
    assert container.outlook(owner, make_facts(), "sigterm").ends is True
    assert container.outlook(owner, make_facts(make_process(sigterm="ignored")), "sigterm").ends is False


def test_the_policy_is_taken_away_before_the_stop() -> None:
    """A container that is stopped under `always` runs again when Docker restarts."""
    commands = [step.command for step in contain(make_container(), make_facts()).steps]
    assert commands == [
        "docker update --cpu-quota=20000 ocr-worker-1",
        "docker update --restart=no ocr-worker-1",
        "docker stop ocr-worker-1",
    ]


@pytest.mark.parametrize(
    ("limits", "limit", "undo"),
    [
        ({}, "--cpu-quota=20000", "--cpu-quota=-1"),
        ({"cpu_quota": 50_000, "cpu_period": 50_000}, "--cpu-quota=10000", "--cpu-quota=50000"),
        ({"nano_cpus": 1_500_000_000}, "--cpus 0.2", "--cpus 1.5"),
    ],
)
def test_a_limit_is_undone_to_what_it_was(limits: dict[str, Any], limit: str, undo: str) -> None:
    """`--cpus 0` would be a silent no-op, and a quota beside NanoCpus is refused."""
    step = contain(make_container(**limits), make_facts()).steps[0]
    assert step.command == f"docker update {limit} ocr-worker-1"
    assert step.undo == f"docker update {undo} ocr-worker-1"


@pytest.mark.parametrize("limits", [{"cpu_limit": False}, {"nano_cpus": 100_000_000}, {"cpu_quota": 10_000}])
def test_a_limit_that_would_not_relieve_is_not_proposed(limits: dict[str, Any]) -> None:
    """Where the engine cannot limit CPU, or the limit is lower already, it is paused, and let go only if paused."""
    first, second, _ = contain(make_container(**limits), make_facts()).steps
    assert (first.phase, first.command) == ("relieve", "docker pause ocr-worker-1")
    assert first.undo is not None
    assert first.undo.startswith("! docker inspect ")
    assert "--restart=no" in second.command


def test_a_container_that_would_be_deleted_is_only_paused() -> None:
    """Stopping a --rm container deletes it with its anonymous volumes."""
    commands = [step.command for step in contain(make_container("no", auto_remove=True), make_facts()).steps]
    assert commands[-1] == "docker pause ocr-worker-1"
    assert not any(" stop " in command for command in commands)


def test_a_name_that_looks_like_an_id_is_not_used() -> None:
    """A container may be named like another one's ID."""
    owner = make_container(container="deadbeef0123")
    assert reference(owner) == CONTAINER_ID


def test_every_kind_is_known_to_the_table() -> None:
    """Each claim can be led back to the file that made it."""
    assert owners.BY_KIND["compose-service"] is owners.BY_KIND["docker-container"]


# --- an init, and what it passes on ------------------------------------------------------------------------------

TINI = Init("docker-init", 3355, "default", certain=True)


def test_the_end_of_an_inits_child_is_the_containers() -> None:
    """docker-init exits with the program that it was started for."""
    owner = make_container("on-failure", main_pid=1000, init=TINI)
    facts = make_facts(parent=make_process(1000, name="docker-init", namespace_pids=(1000, 1)))
    outlook = container.outlook(owner, facts, "sigterm")
    assert (outlook.returns, outlook.certainty) == (True, "certain")
    assert container.contain(owner, facts).steps[-1].command == "docker stop ocr-worker-1"


@pytest.mark.parametrize(("disposition", "ends"), [("default", True), ("ignored", False), ("handled", True)])
def test_an_init_passes_sigterm_on(disposition: str, ends: bool) -> None:
    """It waits for signals with sigwait, so its own masks say nothing."""
    owner = make_container("always", main_pid=3355, init=TINI._replace(child=77, child_sigterm=disposition))
    outlook = container.outlook(owner, make_facts(make_process(namespace_pids=(3355, 1))), "sigterm")
    assert outlook.ends is ends


def test_an_orphan_that_an_init_took_in_does_not_return() -> None:
    """Its parent is PID 1, which starts nothing again."""
    owner = make_container(main_pid=1000, init=TINI._replace(child=1001))
    outlook = container.outlook(owner, make_facts(parent=make_process(1000, name="docker-init")), "sigkill")
    assert (outlook.returns, outlook.certainty) == (False, "certain")


# --- what the engine's start brings back -------------------------------------------------------------------------

PID_1 = {"namespace_pids": (3355, 1)}
STARTS: list[tuple[str, dict[str, Any], dict[str, Any], bool | None]] = [
    ("on-failure", PID_1, {}, True),  # killed in the end: 137
    ("on-failure", PID_1 | {"sigterm": "ignored"}, {}, True),
    ("on-failure", PID_1 | {"sigterm": "handled"}, {}, None),
    ("on-failure", PID_1, {"stop_signal": "SIGQUIT"}, None),
    ("on-failure:2", PID_1, {"restart_count": 2}, False),
    ("on-failure", PID_1 | {"sigterm": "handled"}, {"live_restore": True}, True),  # a boot finds it dead: 255
    ("no", PID_1, {"auto_remove": True}, False),
    ("always", PID_1, {"engine_at_boot": False, "engine_unit": "docker.service"}, False),
]


@pytest.mark.parametrize(("policy", "process", "changes", "returns"), STARTS)
def test_a_boot_asks_how_the_container_was_stopped(
    policy: str, process: dict[str, Any], changes: dict[str, Any], returns: bool | None
) -> None:
    """on-failure answers the exit code of the stop, as long as its restarts last."""
    outlook = container.outlook(make_container(policy, **changes), make_facts(make_process(**process)), "reboot")
    assert (outlook.ends, outlook.returns) == (True, returns)


DOWN: list[tuple[str, dict[str, Any], bool, bool]] = [
    ("always", {"state": "exited", "exit_code": 0}, False, True),
    ("unless-stopped", {"state": "exited", "exit_code": 0}, False, False),
    ("on-failure", {"state": "exited", "exit_code": 137}, False, True),
    ("on-failure", {"state": "exited", "exit_code": 0}, False, False),
    ("on-failure:3", {"state": "exited", "exit_code": 1, "restart_count": 3}, False, False),
    ("always", {"state": "created", "exit_code": 0}, False, False),
    ("always", {"state": "restarting", "exit_code": 1, "restart_count": 5}, True, True),
    ("no", {"state": "exited", "exit_code": 1}, False, False),
]


@pytest.mark.parametrize(("policy", "state", "soon", "at_start"), DOWN)
def test_a_container_without_a_process(policy: str, state: dict[str, Any], soon: bool, at_start: bool) -> None:
    """Between two attempts it comes back by itself; a stopped one where the engine's start wants it."""
    owner = make_container(policy, main_pid=0, **state)
    facts = make_facts(make_process(0, state="dead", alive=False))
    assert container.outlook(owner, facts, "sigkill").returns is soon
    assert container.outlook(owner, facts, "owner-stop").returns is False
    assert container.outlook(owner, facts, "owner-daemon-restart").returns is at_start


def test_a_loop_is_stopped_before_its_policy_changes() -> None:
    """Between two attempts the engine may refuse an update; and nothing ever names a PID."""
    owner = make_container("always", main_pid=0, state="restarting", restart_count=5)
    containment = container.contain(owner, make_facts(make_process(0, state="dead", alive=False)))
    assert [step.command for step in containment.steps] == [
        "docker stop ocr-worker-1",
        "docker update --restart=no ocr-worker-1",
    ]


def test_a_stopped_one_that_stays_so_needs_nothing() -> None:
    """No step, and the goal says why."""
    containment = container.contain(make_container("no", main_pid=0, state="exited"), make_facts(make_process(0)))
    assert containment.steps == ()
