"""Where alerts go in a box: a mail server and a webhook receiver on its loopback, and what they received."""

from __future__ import annotations

import email
import email.policy
import json
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

from .box import Box

SMTP_PORT = 2525
HTTP_PORT = 8080
HTTPS_PORT = 443
SLACK = "hooks.slack.com"
CERTIFICATE = "/usr/local/share/ca-certificates/rig-hooks.crt"

_INSIDE = Path(__file__).parent / "inside"

_MAKE_CERTIFICATE = f"""
mkdir -p /etc/rig
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout /etc/rig/hooks.key -out /etc/rig/hooks.crt \
    -subj /CN={SLACK} -addext subjectAltName=DNS:{SLACK},DNS:localhost,IP:127.0.0.1
cp /etc/rig/hooks.crt {CERTIFICATE}
update-ca-certificates
grep -q {SLACK} /etc/hosts || echo '127.0.0.1 {SLACK}' >> /etc/hosts
"""


@dataclass(frozen=True)
class Hook:
    """One request that the webhook sink received; `body` is None where it was not JSON."""

    method: str
    scheme: str
    path: str
    headers: dict[str, str]
    text: str
    body: Any


def start_sinks(box: Box) -> None:
    """Start both as transient units; returns when all three ports answer.

    The box's system store trusts the certificate. A client that brings its own store (certifi) needs
    REQUESTS_CA_BUNDLE=CERTIFICATE or SSL_CERT_FILE=CERTIFICATE.
    """
    box.run(_MAKE_CERTIFICATE)
    for name, python in (("smtp_sink", "/opt/sinks/bin/python"), ("http_sink", "/usr/bin/python3")):
        box.write(f"/opt/rig/{name}.py", (_INSIDE / f"{name}.py").read_text())
        unit = f"rig-{name.replace('_', '-')}"
        box.run(["systemd-run", "--quiet", "--collect", f"--unit={unit}", python, f"/opt/rig/{name}.py"])
    for port in (SMTP_PORT, HTTP_PORT, HTTPS_PORT):
        box.wait_for(f"a listener on port {port}", partial(_listener, box, port))


def _listener(box: Box, port: int) -> str:
    # `ss` looks without connecting: a bare connection would be a request that the sink has to make sense of.
    return box.run(["ss", "-Hltn", f"sport = :{port}"]).stdout


def mails(box: Box) -> list[EmailMessage]:
    """The mails received so far, in order; the envelope is in X-Envelope-From and X-Envelope-To."""
    return [
        email.message_from_string(text, policy=email.policy.default) for text in _kept(box, "/var/tmp/mails", "eml")
    ]


def hooks(box: Box) -> list[Hook]:
    """The requests received so far, in order."""
    return [Hook(**json.loads(text)) for text in _kept(box, "/var/tmp/hooks", "json")]


def _kept(box: Box, folder: str, suffix: str) -> list[str]:
    listed = box.run(["find", folder, "-name", f"*.{suffix}"], check=False).stdout.split()
    return [box.read(path) for path in sorted(listed, key=lambda path: int(Path(path).stem))]
