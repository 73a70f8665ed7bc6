"""Debian's Chromium without a window, driven through its debugging pipe: what a person does with a page.

https://chromedevtools.github.io/devtools-protocol/: JSON objects, each ended by a NUL, on descriptors 3 and 4.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
LIMIT_S = 60.0


def missing() -> str | None:
    """Why no page can be looked at here; None where it can."""
    return None if shutil.which("chromium") else "no chromium (Debian package chromium)"


class Browser:
    """One page, in a profile of its own that is gone afterwards."""

    def __init__(self, to_it: int, from_it: int) -> None:
        self._to, self._from = to_it, from_it
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime", "Accessibility"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask for one thing and wait for the answer; what happens meanwhile is kept in `events`."""
        self._number += 1
        request: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            request["sessionId"] = self._session
        os.write(self._to, json.dumps(request).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + LIMIT_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._from], [], [], until - time.monotonic())
            piece = os.read(self._from, 1 << 20) if ready else b""
            assert piece, "chromium said nothing more"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        read: dict[str, Any] = json.loads(message)
        return read

    def open(self, file: Path) -> None:
        """Show a file, and forget what happened before."""
        self.events.clear()
        self.call("Page.navigate", url=file.as_uri())
        while not self.happened("Page.loadEventFired"):
            self.events.append(self._next())

    def happened(self, method: str) -> list[dict[str, Any]]:
        return [event["params"] for event in self.events if event.get("method") == method]

    def value(self, expression: str) -> Any:
        """What a line of JavaScript comes to."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """One key, as a person presses it."""
        code = {"Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def tree(self) -> list[tuple[str, str]]:
        """What a screen reader is told: (role, name), in its order."""
        nodes = {node["nodeId"]: node for node in self.call("Accessibility.getFullAXTree")["nodes"]}
        root = next(node for node in nodes.values() if not node.get("parentId"))
        return list(self._read(nodes, root))

    def _read(self, nodes: dict[str, Any], node: dict[str, Any]) -> Iterator[tuple[str, str]]:
        if not node.get("ignored"):
            yield str(node.get("role", {}).get("value", "")), str(node.get("name", {}).get("value", ""))
        for child in node.get("childIds", ()):
            if child in nodes:
                yield from self._read(nodes, nodes[child])

    def screenshot(self, file: Path) -> None:
        """The whole page as a PNG."""
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(taken["data"]))


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A browser that loads no page from elsewhere; always ended."""
    read_by_it, to_it = os.pipe()
    from_it, written_by_it = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        line = f'exec "$@" 3<&{read_by_it} 4>&{written_by_it}'
        process = subprocess.Popen(
            ["bash", "-c", line, "chromium", "chromium", *OPTIONS, f"--user-data-dir={profile}"],
            pass_fds=(read_by_it, written_by_it),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_by_it)
        os.close(written_by_it)
        try:
            yield Browser(to_it, from_it)
        finally:
            os.close(to_it)  # it ends itself when its pipe closes
            os.close(from_it)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
