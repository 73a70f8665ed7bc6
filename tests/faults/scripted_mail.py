"""A mail server that says what it is told to say."""

import socketserver
import time
from contextlib import suppress
from itertools import takewhile


class Scripted(socketserver.StreamRequestHandler):
    """Says what it is told to say, by the first word of each command; None: hangs up, "": says nothing more."""

    answers: dict[str, bytes | None]
    mails: list[bytes]

    def handle(self) -> None:
        if not self._say("greeting"):
            return
        for line in self.rfile:
            word = line[:4].strip().decode(errors="replace").upper()
            if word == "DATA" and self._say("DATA"):
                self.mails.append(b"".join(takewhile(lambda line: line not in (b".\r\n", b""), self.rfile)))
                word = "."
            if not self._say(word):
                return

    def _say(self, word: str) -> bool:
        answer = self.answers.get(word, b"354 go on\r\n" if word == "DATA" else b"250 well\r\n")
        if answer is not None and answer[:2] in (b"", b"3 "):
            time.sleep(3)
            answer = answer[2:]
        if answer == b"drips":
            with suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b"250-")
                    time.sleep(0.1)
        self.wfile.write(answer or b"")
        return answer is not None and answer.endswith(b"\r\n")
