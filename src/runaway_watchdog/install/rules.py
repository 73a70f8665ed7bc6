"""What the rules in force will do: which of them sends a message, and which only keeps a record."""

from pathlib import Path
from typing import NamedTuple

from runaway_watchdog.alerts.urls import url_problem
from runaway_watchdog.config.load import Configuration, load
from runaway_watchdog.config.schema import Rule
from runaway_watchdog.render.figures import duration


class Told(NamedTuple):
    """One rule, in words."""

    name: str
    when: str
    then: str


def in_force(file: Path) -> tuple[Configuration, tuple[Told, ...]]:
    """The rules of the service's configuration. Raises ConfigurationFaults."""
    files = (file,) if file.exists() else ()
    configuration = load(
        files, env={}, url_problem=url_problem
    )  # the environment of whoever installs is not the service's
    digest = configuration.config.alerts.digest
    return configuration, tuple(told(rule, digest) for rule in configuration.config.rules)


def told(rule: Rule, digest: int | None) -> Told:
    """When it is met, and what happens then. `digest`: the minute of the day at which it is sent; None: never."""
    lasting = duration(rule.for_)
    words = {
        "cpu": f"{rule.cpu:g} % of a core for {lasting}",
        "restarts": f"{rule.times} returns in {lasting}",
        "pressure": f"others wait {rule.cpu:g} % of {lasting}",
        "steal": f"the provider takes {rule.cpu:g} % of {lasting}",
    }
    only = "".join(f", {what} {pattern}" for what, pattern in rule.only.items())
    if not rule.push:
        kept = "recorded and listed" if digest is None else f"in the digest of {digest // 60:02}:{digest % 60:02}"
        return Told(rule.name, words[rule.kind] + only, f"no message of its own: {kept}")
    worth = "severity by the harm to others" if rule.severity is None else f"as {rule.severity}"
    return Told(rule.name, words[rule.kind] + only, f"sends a message, {worth}")
