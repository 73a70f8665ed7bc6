"""Runs inside the box: an engine that tells what the real one tells, and of 500 copies of its first container beside.

    python3 crowded_engine.py SOCKET

Each question that it was asked is a line on standard output.
"""

import http.client
import http.server
import json
import socket
import socketserver
import sys
from typing import Any

COPIES = 500
REAL = "/run/docker.sock"
NAMES = {f"{number:064x}": f"copy-{number}" for number in range(1, COPIES + 1)}


class Connection(http.client.HTTPConnection):
    """To the real engine."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(REAL)


def real(path: str) -> tuple[int, Any]:
    """Its answer to a GET."""
    connection = Connection("localhost")
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def copied(path: str) -> tuple[int, Any]:
    """The same, with the copies."""
    plain, _, _ = path.partition("?")
    words = plain.split("/")
    if words[-2:] == ["containers", "json"]:
        status, found = real(path)
        return status, found + [{**found[0], "Id": each, "Names": [f"/{name}"]} for each, name in NAMES.items()]
    if words[-1] == "json" and words[-2] in NAMES:
        _, listed = real("/containers/json")
        status, found = real("/".join([*words[:-2], listed[0]["Id"], "json"]))
        return status, {**found, "Id": words[-2], "Name": f"/{NAMES[words[-2]]}"}
    return real(path)


class Engine(http.server.BaseHTTPRequestHandler):
    """One question, one answer."""

    def do_GET(self) -> None:
        status, found = copied(self.path)
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        print(self.path, flush=True)

    def log_message(self, *_: object) -> None:
        """The line that counts is printed above."""


if __name__ == "__main__":
    socketserver.ThreadingUnixStreamServer(sys.argv[1], Engine).serve_forever()
