"""Runs inside the box, with /opt/sinks' Python: an SMTP server that keeps each mail as /var/tmp/mails/N.eml."""

import asyncio
import itertools
import os
import pathlib

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

FOLDER = pathlib.Path("/var/tmp/mails")


class Keep:
    """Writes a mail whole (rename), its envelope in front as X-Envelope-From and X-Envelope-To."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 (aiosmtpd's)
        """aiosmtpd's hook for one finished mail."""
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        unfinished = FOLDER / "unfinished"
        unfinished.write_bytes(head.encode() + content)
        os.rename(unfinished, FOLDER / f"{next(self.numbers)}.eml")
        return "250 OK"


FOLDER.mkdir(exist_ok=True)
Controller(Keep(), hostname="127.0.0.1", port=2525).start()
asyncio.new_event_loop().run_forever()
