"""Steps for another unit than the one that is explained: one that starts it."""

from shlex import quote

from runaway_watchdog.model.plan import Prints, Step


def stop(name: str, what: str = "it", systemctl: str = "systemctl") -> Step:
    """One that starts it whenever it is gone."""
    unit = quote(name)
    return Step(
        f"Stop {name}, which starts it",
        f"{systemctl} stop {unit}",
        f"it no longer starts {what} again; {what} may end with it",
        "interrupts",
        f"{systemctl} start {unit}",
        Prints(f"{systemctl} is-active {unit}", ("inactive", "failed")),
    )


def disable(name: str, systemctl: str = "systemctl") -> Step:
    """One that starts it at boot."""
    unit = quote(name)
    return Step(
        f"Keep {name} from starting it at boot",
        f"{systemctl} disable {unit}",
        "it is no longer started at boot",
        "none",
        f"{systemctl} enable {unit}",
        Prints(f"{systemctl} is-enabled {unit}", ("disabled",)),
        phase="close",
    )
