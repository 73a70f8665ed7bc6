"""What a channel would be sent for an incident, on standard output; sends nothing. The case is
told as it was last explained, with the times of this moment.

--channel takes a form (email, text, push, slack, discord, telegram, json) or the label of a
configured channel, as `test-alert` shows it. `email` is a whole message: `preview 12 --channel
email > alert.eml` opens in a mail program.

exit code: 0, 1 it cannot be read, or was never explained, 2 usage, 3 no such incident or channel
"""

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from runaway_watchdog.cli import PROGRAM
from runaway_watchdog.cli.options import incident_id, reading_options

if TYPE_CHECKING:
    from runaway_watchdog.alerts.forms import Form
    from runaway_watchdog.cli.recorded import Recorded
    from runaway_watchdog.render.message import Message

KINDS: Final = ("opened", "escalated", "returned", "reminder", "resolved")
FORMS: Final = {
    "text": ("", 1_000_000),
    "email": ("mailto", 1_000_000),
    "push": ("ntfy", 4096),
    "slack": ("slack", 35_000),
    "discord": ("discord", 2000),
    "telegram": ("tgram", 4096),
    "json": ("json", 1_000_000),
}
"""Name -> scheme of the service, and how many characters it takes."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=incident_id, metavar="ID", help="the incident's number")
    parser.add_argument("--channel", default="text", metavar="NAME", help=f"{', '.join(FORMS)}, or a channel's label")
    parser.add_argument("--kind", choices=KINDS, default="opened", help="which of its messages (default: opened)")
    reading_options(parser)


def run(options: argparse.Namespace) -> int:
    from runaway_watchdog.cli import reading, recorded

    now = time.time()
    found = recorded.asked_for(recorded.recorded, options, now)
    if isinstance(found, int):
        return found
    told = _message(found, options.kind, now)
    if told is None:
        reading.complain(
            f"incident {options.id} was never explained; `{PROGRAM} incidents show {options.id}` tells more"
        )
        return 1
    named = _form(options, told)
    if named is None:
        return reading.NO_SUCH
    sys.stdout.write(_written(*named, told, as_json=options.json))
    return 0


def _message(found: "Recorded", kind: Any, now: float) -> "Message | None":
    from runaway_watchdog.render.document import to_json
    from runaway_watchdog.render.message import Incident, message

    if found.case is None:
        return None
    told = found.incident
    return message(
        found.case, kind, now, Incident(told.id, told.severity, found.harm, found.points, to_json(found.case))
    )


def _form(options: argparse.Namespace, told: "Message") -> "tuple[str, Form] | None":
    """The scheme, and what goes there. Says so where no channel has that name."""
    from runaway_watchdog.alerts import forms

    if options.channel in FORMS:
        scheme, limit = FORMS[options.channel]
        return scheme, forms.form(scheme, told, limit - len(told.subject) - 8)
    from runaway_watchdog.alerts.channels import form_for
    from runaway_watchdog.alerts.urls import url_problem
    from runaway_watchdog.cli.reading import complain
    from runaway_watchdog.config import locate
    from runaway_watchdog.config.faults import ConfigurationFaults
    from runaway_watchdog.config.load import load

    around = locate.here()
    try:
        configuration = load(locate.config_files(options.config, around), env=around.env, url_problem=url_problem)
    except ConfigurationFaults as faults:
        complain(f"the configuration cannot be used:\n{faults}")
        return None
    urls = dict(zip(configuration.labels, configuration.urls, strict=True))
    named = form_for(urls[options.channel], told) if options.channel in urls else None
    if named is None:
        complain(f"no channel {options.channel!r}; there are {', '.join([*FORMS, *urls])}")
    return named


def _written(scheme: str, form: "Form", told: "Message", *, as_json: bool) -> str:
    from runaway_watchdog.alerts import forms, post, slack

    if scheme in forms.MAIL and not as_json:
        return post.letter(told, post.AS_READ, encoding="8bit").as_bytes().decode()
    if scheme in forms.ALERTMANAGER:
        return form.body + "\n"
    if scheme in forms.SLACK:
        document: dict[str, Any] = {"attachments": [slack.attachment(told)]}
    elif scheme in forms.JSON:
        document = {"title": told.subject, "message": form.body, **told.document}
    elif as_json:
        document = {"schema_version": 1, "subject": told.subject, "kind": form.kind, "body": form.body}
    else:
        return f"{told.subject}\n\n{form.body.rstrip()}\n"
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
