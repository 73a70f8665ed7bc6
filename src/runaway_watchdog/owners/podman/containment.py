"""Stopping a Podman container and keeping it stopped, reversibly."""

from shlex import quote

from runaway_watchdog.model.plan import Containment, Prints, Step
from runaway_watchdog.owners.docker.containment import named
from runaway_watchdog.owners.podman.details import ContainerOwner


def contain(owner: ContainerOwner) -> Containment | None:
    """None where the unit that runs it is to be stopped: `podman stop` is answered by the unit's `Restart=`.

    One that was created with --rm is only paused, also under a unit: any stop deletes it and what it wrote.
    """
    unit = owner.details.run_by
    if owner.details.auto_remove:
        ends = f"; `systemctl stop {unit}` would end it and delete that" if unit else ""
        goal = f"Hold {owner.name} still: it was created with --rm, stopping it deletes it and what it wrote{ends}"
        return Containment(goal, _pause(owner), calm=True)
    if unit is not None:
        return None
    # Podman refuses to pause without root on cgroup v1; there the process itself is frozen.
    relief = _pause(owner) if owner.details.user is None else ()
    calm = owner.details.state == "paused"
    steps = (*relief, _stop(owner, paused=bool(relief) or calm))
    if owner.details.started_at_boot:
        door = "the next boot, when podman-restart.service starts it again"
        return Containment(f"Stop {owner.name} and keep it stopped until {door}", steps, (door,), calm)
    return Containment(f"Stop {owner.name} for good: over a reboot too", steps, (), calm)


def command(owner: ContainerOwner, words: str) -> str:
    """A podman command for root's shell; a user's own Podman is asked as that user."""
    user = owner.details.user
    if user is None:
        return f"podman {words}"
    inner = f"XDG_RUNTIME_DIR=/run/user/{owner.details.uid} podman {words}"
    return f"runuser -l {quote(user)} -c {quote(inner)}"


def _reference(owner: ContainerOwner) -> str:
    """Its name or ID, ready for a shell."""
    return quote(named(owner.details.container, owner.id))


def logs(owner: ContainerOwner) -> str:
    """The command that shows what the container writes."""
    return command(owner, f"logs --tail 20 {_reference(owner)}")


def _pause(owner: ContainerOwner) -> tuple[Step, ...]:
    """Nothing for one that is paused already: an undo would make it run."""
    if owner.details.state == "paused":
        return ()
    name = _reference(owner)
    status = command(owner, f"inspect -f {{{{.State.Status}}}} {name}")
    return (
        Step(
            "Freeze it",
            command(owner, f"pause {name}"),
            "all its processes stand still and keep what they know",
            "interrupts",
            f"! {status} | grep -qx paused || {command(owner, f'unpause {name}')}",
            Prints(f"{status}", ("paused",)),
            phase="relieve",
        ),
    )


def _stop(owner: ContainerOwner, *, paused: bool) -> Step:
    """Podman refuses to stop what is paused."""
    name = _reference(owner)
    first = f"{command(owner, f'unpause {name}')}; " if paused else ""
    return Step(
        "Stop it",
        f"{first}{command(owner, f'stop {name}')}",
        "the container ends, and Podman does not start it again; its volumes and its files stay as they are",
        "interrupts",
        command(owner, f"start {name}"),
        Prints(f"{command(owner, f'inspect -f {{{{.State.Status}}}} {name}')}", ("exited",)),
    )
