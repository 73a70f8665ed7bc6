"""Runs inside the box: answers `ok` to every request and keeps each one as /var/tmp/hooks/N.json.

HTTPS on 127.0.0.1:443 with the certificate in /etc/rig, plain HTTP on 127.0.0.1:8080.
"""

import http.server
import itertools
import json
import os
import pathlib
import ssl
import threading

FOLDER = pathlib.Path("/var/tmp/hooks")
numbers = itertools.count(1)
writing = threading.Lock()


class Keep(http.server.BaseHTTPRequestHandler):
    """One request -> one file, written whole (rename)."""

    def answer(self) -> None:
        """Keep the request and say ok, as Slack's incoming webhooks do."""
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        try:
            body = json.loads(text)
        except ValueError:
            body = None
        kept = {"method": self.command, "path": self.path, "headers": dict(self.headers), "text": text, "body": body}
        kept["scheme"] = "https" if isinstance(self.connection, ssl.SSLSocket) else "http"
        with writing:
            unfinished = FOLDER / "unfinished"
            unfinished.write_text(json.dumps(kept))
            os.rename(unfinished, FOLDER / f"{next(numbers)}.json")
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = do_PUT = do_HEAD = answer  # noqa: N815 (the library's names)


FOLDER.mkdir(exist_ok=True)
plain = http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Keep)
threading.Thread(target=plain.serve_forever, daemon=True).start()
secure = http.server.ThreadingHTTPServer(("127.0.0.1", 443), Keep)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/rig/hooks.crt", "/etc/rig/hooks.key")
secure.socket = context.wrap_socket(secure.socket, server_side=True)
secure.serve_forever()
