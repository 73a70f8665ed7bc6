"""Sends one test message to each configured channel and says what each answered. The message
shows an invented case, so that you see what a real alert looks like.

exit code: 0 all sent, 1 not all, 2 the configuration cannot be used
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from runaway_watchdog.cli import PROGRAM, USAGE, the_service
from runaway_watchdog.cli.options import no_color
from runaway_watchdog.config import locate
from runaway_watchdog.world import live

if TYPE_CHECKING:
    from runaway_watchdog.alerts.answers import Refused
    from runaway_watchdog.render.message import Message

HOW_TO_CONFIGURE: Final = f"""\
No channel is configured: alerts go to the journal, or to the terminal of `{PROGRAM} run`.
To get them by mail, put this into {locate.SYSTEM_FILE} (chmod 0600), where [alerts] stands once:

  [alerts]
  urls = ["mailtos://user:password@smtp.example.org?from=watchdog@example.org&to=you@example.org"]
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="read this configuration file alone")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    no_color(parser)


def run(options: argparse.Namespace) -> int:
    from runaway_watchdog.alerts.example import example, incident
    from runaway_watchdog.alerts.urls import url_problem
    from runaway_watchdog.config.faults import ConfigurationFaults
    from runaway_watchdog.config.load import load
    from runaway_watchdog.render.message import message

    around = locate.here()
    env = around.env if options.config else the_service.environment(live(), around.env)
    try:
        configuration = load(locate.config_files(options.config, around), env=env, url_problem=url_problem)
    except ConfigurationFaults as faults:
        print(f"{PROGRAM}: the configuration cannot be used:\n{faults}", file=sys.stderr)
        return USAGE
    now = time.time()
    sample = message(example(now, os.uname().nodename), "test", now, incident(now))
    if not configuration.urls:
        return _no_channel(sample, as_json=options.json)
    results = [_send(label, url, sample) for label, url in zip(configuration.labels, configuration.urls, strict=True)]
    if options.json:
        print(json.dumps({"schema_version": 1, "channels": results}, indent=2))
    else:
        print("\n".join(map(_in_words, results)))
    return 0 if all(result["sent"] for result in results) else 1


def _no_channel(sample: "Message", *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"schema_version": 1, "channels": []}, indent=2))
    else:
        print(f"{sample.subject}\n\n{sample.text}")
    print(HOW_TO_CONFIGURE, file=sys.stderr)
    return 0


def _send(label: str, url: str, sample: "Message") -> dict[str, Any]:
    from runaway_watchdog.alerts.answers import Delivered
    from runaway_watchdog.alerts.channels import deliver

    print(f"{PROGRAM}: sending to {label} …", file=sys.stderr)
    started = time.monotonic()
    answer = deliver(url, sample)
    result = {"channel": label, "sent": isinstance(answer, Delivered), "seconds": round(time.monotonic() - started, 1)}
    if isinstance(answer, Delivered):
        return {**result, "reason": answer.but} if answer.but else result
    return {**result, "reason": answer.reason, "mend": _mend(answer)}


def _mend(refused: "Refused") -> str:
    if refused.permanent or refused.if_it_lasts:
        return "look at the path, the user, the password or the token in this channel's URL: it was reached and said no"
    return "look at the host and the port in this channel's URL, and whether this host may connect to them"


def _in_words(result: dict[str, Any]) -> str:
    if result["sent"]:
        but = f", but {result['reason']}" if "reason" in result else ""
        return f"{result['channel']}: sent, in {result['seconds']} s{but}"
    return f"{result['channel']}: NOT SENT: {result['reason']}\n    {result['mend']}"
