"""Run on a host with its own Python 3: what the Docker Engine holds, as JSON.

One program instead of six: a matrix of hundreds of lines looks a thousand times.
"""

import http.client
import json
import socket
from typing import Any


class Engine(http.client.HTTPConnection):
    """The engine's socket, one connection for all questions."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")

    def ask(self, path: str) -> Any:
        """The answer to a GET; None where there is no such thing any more."""
        self.request("GET", path)
        with self.getresponse() as answer:
            body = answer.read()
            return json.loads(body) if answer.status == 200 else None


def main() -> None:
    engine = Engine("localhost")
    listed = [engine.ask(f"/containers/{each['Id']}/json") for each in engine.ask("/containers/json?all=1")]
    images = engine.ask("/images/json")
    print(
        json.dumps(
            {
                "containers": {each["Name"].lstrip("/"): _container(each) for each in listed if each is not None},
                "volumes": [each["Name"] for each in engine.ask("/volumes")["Volumes"] or []],
                "networks": [each["Name"] for each in engine.ask("/networks")],
                "images": [tag for each in images for tag in each["RepoTags"] or ["<none>:<none>"]],
            }
        )
    )


def _container(found: dict[str, Any]) -> list[str]:
    """Its ID, status, time of start, and the names of its volumes."""
    volumes = sorted(each["Name"] for each in found["Mounts"] if each["Type"] == "volume")
    return [found["Id"], found["State"]["Status"], found["State"]["StartedAt"], *volumes]


if __name__ == "__main__":
    main()
