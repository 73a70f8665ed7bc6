"""The data files that come with the package: the units, their user, the sample configuration.

A wheel carries them in `runaway_watchdog/data/`; in a checkout they are where they are edited and reviewed.
"""

from pathlib import Path

UNIT = "runaway-watchdog.service"
HELPER_UNITS = (
    "runaway-watchdog-case.socket",
    "runaway-watchdog-case@.service",
    "runaway-watchdog-send.socket",
    "runaway-watchdog-send@.service",
)
"""What the watch has done by others, each with powers of its own."""
METRICS_UNIT = "runaway-watchdog-metrics.service"
SYSUSERS = "runaway-watchdog.sysusers"
CONFIG = "config.toml"

_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE / "data", _PACKAGE.parents[1] / "systemd", _PACKAGE.parents[1] / "config")


class PackageError(Exception):
    """A shipped file is not there; the message says which, and the mend."""


def read(name: str) -> str:
    """The text of one shipped file. Raises PackageError where this installation lacks it."""
    for folder in _FOLDERS:
        try:
            return (folder / name).read_text("utf-8")
        except FileNotFoundError:
            continue
    raise PackageError(f"{name} is missing from {_PACKAGE}: install the package again, with pip")
