"""What has no process now: a container or a service that is stopped, or that its manager is about to start again.

Told as a case whose process is dead and has no PID (0 inside, null in JSON: `kill 0` ends the caller's own group).
A restart loop is explained like this also while a process of it lives: what runs is no more than its newest try, or a
bystander.
"""

from runaway_watchdog import owners as ownership
from runaway_watchdog.engines.fields import moment
from runaway_watchdog.engines.model import Inspected
from runaway_watchdog.explain import last_end, taken
from runaway_watchdog.explain.plan import plan
from runaway_watchdog.explain.prognosis import prognosis
from runaway_watchdog.explain.records import Records
from runaway_watchdog.linux.cgroup import cgroup_path
from runaway_watchdog.model.casefile import CaseFile, LastEnd
from runaway_watchdog.model.identity import ProcKey
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.docker import container as docker_owner
from runaway_watchdog.world import World, procfs
from runaway_watchdog.world.units import Unit


def of_container(world: World, records: Records, container: Inspected) -> CaseFile:
    """Raises Unanswered."""
    process = _nobody(
        world,
        name=container.words[0].rpartition("/")[2],
        started_at=max(0.0, moment(container.started)),
        cgroup=f"/docker/{container.id}",
        user=container.user or "root",
        cmdline=container.words,
    )
    return _case(world, records, process, last_end.of_container(world, container))


def of_unit(world: World, records: Records, name: str, unit: Unit) -> CaseFile:
    """A service of the system's manager. Raises Unanswered."""
    group = unit.control_group or f"/system.slice/{name}"
    begun = (unit.inactive_exit or unit.active_enter) / 1e6
    process = _nobody(world, name=name.removesuffix(".service"), started_at=begun, cgroup=group)
    return _case(world, records, process, last_end.of_unit(world, name, unit))


def of_group(world: World, records: Records, group: str) -> CaseFile | None:
    """Whatever a control group is about; None where it is neither a container's nor a service's. Raises Unanswered."""
    claim = docker_owner.claim(Facts(_nobody(world, name="", started_at=0.0, cgroup=group), (), (), None))
    if claim is not None:
        from runaway_watchdog.engines import docker

        container = docker.container(world, claim.ref)
        return None if container is None else of_container(world, records, container)
    name = cgroup_path(group).unit
    unit = world.manager.unit(name) if name.endswith(".service") else None
    return None if unit is None or unit.load_state != "loaded" else of_unit(world, records, name, unit)


def _case(world: World, records: Records, process: Process, ended: LastEnd) -> CaseFile:
    facts = Facts(process, (), (), None)
    found, owner_gaps = ownership.layers(facts, world)
    layers = taken.unfrozen(found)
    history = records.history(process)
    way_out, plan_gaps = plan(layers, world)
    port = taken.needed(world, layers)
    return CaseFile(
        process=process,
        cpu=None,
        owners=tuple(layer.owner.told() for layer in layers),
        prognosis=prognosis(layers, history),
        history=history,
        plan=taken.adapted(way_out, port, process),
        condition=taken.told(port, process),
        gaps=tuple(dict.fromkeys((*owner_gaps, *plan_gaps, *records.gaps()))),
        asked_pid=0,
        host=world.host,
        last_end=ended,
    )


def _nobody(
    world: World, *, name: str, started_at: float, cgroup: str, user: str = "root", cmdline: tuple[str, ...] = ()
) -> Process:
    """What ran last, as far as its manager tells; in the control group that it had."""
    return Process(
        key=ProcKey(procfs.boot_id(world.files), 0, 0),
        name=name,
        state="dead",
        ppid=0,
        started_at=started_at,
        exe=None,
        cmdline=cmdline,
        uid=0,
        user=user,
        nice=0,
        cgroup=cgroup,
        kernel_thread=False,
        namespace_pids=(),
        sigterm="unknown",
        session=0,
        alive=False,
    )
