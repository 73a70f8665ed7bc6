"""Every fault of the configuration, each with its key's path and what is allowed there.
Nothing is sent and nothing is changed. Without FILE it reads what the service would read:
/etc/runaway-watchdog/config.toml, then ~/.config/runaway-watchdog/config.toml.

exit code: 0 all is right, 2 something is to be mended
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runaway_watchdog.cli import PROGRAM, USAGE
from runaway_watchdog.cli.options import no_color
from runaway_watchdog.config import locate
from runaway_watchdog.hostile import clean

if TYPE_CHECKING:
    from runaway_watchdog.config.faults import Fault
    from runaway_watchdog.config.load import Configuration


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="check this file alone")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the same, as the other commands take it")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    no_color(parser)


def run(options: argparse.Namespace) -> int:
    from runaway_watchdog.alerts.urls import url_problem
    from runaway_watchdog.config.faults import ConfigurationFaults
    from runaway_watchdog.config.load import load

    around = locate.here()
    try:
        configuration = load(
            locate.config_files(options.file or options.config, around), env=around.env, url_problem=url_problem
        )
    except ConfigurationFaults as found:
        _show_faults(found.faults, as_json=options.json)
        return USAGE
    if options.json:
        print(json.dumps(_document(configuration, around), indent=2))
    else:
        print("\n".join(_in_words(configuration, around)))
    return 0


def _show_faults(faults: "tuple[Fault, ...]", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"schema_version": 1, "ok": False, "faults": [each.document() for each in faults]}, indent=2))
        return
    print("\n".join(map(str, faults)))
    count = "one thing is" if len(faults) == 1 else f"{len(faults)} things are"
    print(f"{PROGRAM}: {count} to be mended", file=sys.stderr)


def _document(configuration: "Configuration", around: locate.Surroundings) -> dict[str, Any]:
    """The configuration as it counts, without its secrets."""
    from runaway_watchdog.config.compile import compile_configuration

    compiled = compile_configuration(configuration, around)
    del compiled["alerts"]["urls"], compiled["alerts"]["heartbeat_url"]
    return {"schema_version": 1, "ok": True, "faults": [], **compiled}


def _in_words(configuration: "Configuration", around: locate.Surroundings) -> list[str]:
    from runaway_watchdog.config.compile import compile_configuration
    from runaway_watchdog.config.durations import format_duration

    compiled = compile_configuration(configuration, around)
    alerts, store = compiled["alerts"], compiled["store"]
    lines = ["The configuration is right."]
    lines.append(f"  read    {', '.join(compiled['sources']) or 'no file: the defaults hold'}")
    lines.append(f"  looks   every {format_duration(compiled['interval_s'])}")
    for rule in compiled["rules"]:
        lines.append(f"  rule    {rule['name']}: {_rule_in_words(rule, format_duration(rule['for_s']))}")
    reminding = f"reminds after {format_duration(alerts['remind_after_s'])}"
    lines.append(f"  alerts  {', '.join(alerts['channels'])}; {reminding}")
    lines.append(f"  store   {store['path']}, keeps {format_duration(store['keep_s'])}")
    return lines


def _rule_in_words(rule: dict[str, Any], lasting: str) -> str:
    met = {
        "cpu": f"{rule['cpu']:g} % of one core for {lasting} or longer",
        "restarts": f"{rule['times']} returns or more within {lasting}",
        "pressure": f"processes wait for a CPU {rule['cpu']:g} % of the time, for {lasting} or longer",
        "steal": f"the provider takes {rule['cpu']:g} % of the CPU time, for {lasting} or longer",
    }[rule["kind"]]
    about = "".join(f", {what} {clean(pattern, 100)}" for what, pattern in rule["only"].items())
    worth = "its severity goes by the harm" if rule["by_harm"] else f"severity {rule['severity']}"
    return f"{met}{about}; {worth}{'' if rule['push'] else ', no message'}"
