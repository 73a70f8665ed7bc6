"""Stands in for the case, the sender and the command: writes down what it was asked; fails or waits when told to."""

import json
import os
import sys
import time
from pathlib import Path


def main(words: list[str]) -> int:
    if words[:2] == ["run", "--compile"]:
        source = Path(words[words.index("--config") + 1])
        print(source.read_text())
        return 2 if source.name.startswith("broken") else 0
    configuration = json.loads(os.pread(int(words[words.index("--config-fd") + 1]), 1 << 20, 0))
    asked = {"words": words, "stdin": sys.stdin.read(), "rules": configuration["rules"]}
    notes = Path(configuration["store"]["path"]).parent / "asked"
    with notes.open("a") as file:
        file.write(json.dumps(asked) + "\n")
    never = notes.parent / "never"  # the incidents of which it hears nothing, as long as the file is there
    while never.exists() and any(f'"incident_id": {each},' in asked["stdin"] for each in never.read_text().split()):
        time.sleep(0.02)
    return int((notes.parent / "exit").read_text()) if (notes.parent / "exit").exists() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
