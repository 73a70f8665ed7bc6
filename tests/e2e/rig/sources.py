"""Where packages come from: read from the machine's own apt and pip configuration, never written down here."""

from __future__ import annotations

import ast
import glob
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlparse

Suite = Literal["bookworm", "trixie"]
"""The releases of Debian that a box may be: 12 with systemd 252, 13 with systemd 257."""
SUITE: Suite = "bookworm"  # of a box, where a test asks for no other one, and of the machine below
NEXT_SUITE = "trixie"
NEWEST_SUITE = "sid"

# A private apt folder: the other suite is seen by these commands only, never by the tree's own apt. What was fetched
# lies in $d/tree; the script goes on from there and ends by removing $d.
_FETCH = """
d=/var/tmp/next-suite
mkdir -p $d/lists/partial $d/cache/archives/partial
echo "deb [{options}] {{mirror}} {{suite}} main" > $d/sources.list
own="-o Dir::Etc::sourcelist=$d/sources.list -o Dir::Etc::sourceparts=/dev/null"
own="$own -o Dir::State::lists=$d/lists -o Dir::Cache=$d/cache -o APT::Sandbox::User=root"
apt-get -q $own update
cd $d
apt-get -q $own download {packages}
{unpack}"""
_OPTIONS = "signed-by={keyring}"


@dataclass(frozen=True)
class AptSource:
    """One line or stanza of sources.list: where from, and which suites."""

    uri: str
    suites: tuple[str, ...]


def parse_one_line(text: str) -> Iterator[AptSource]:
    """The `deb [options] URI SUITE …` lines of a sources.list text."""
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if not words or words[0] != "deb":
            continue
        if len(words) > 1 and words[1].startswith("["):
            while len(words) > 1 and not words[1].endswith("]"):
                del words[1]
            del words[1:2]
        if len(words) >= 3:
            yield AptSource(words[1], (words[2],))


def parse_deb822(text: str) -> Iterator[AptSource]:
    """The enabled `Types: deb` stanzas of a .sources text, one AptSource for each URI."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in "\n".join(lines).split("\n\n"):
        fields: dict[str, str] = {}
        for line in stanza.splitlines():
            name, colon, value = line.partition(":")
            if colon and not line[0].isspace():
                fields[name.strip().lower()] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() == "no":
            continue
        for uri in fields.get("uris", "").split():
            yield AptSource(uri, tuple(fields.get("suites", "").split()))


def apt_sources(etc_apt: Path = Path("/etc/apt")) -> list[AptSource]:
    """Every apt source of this machine, in apt's own order."""
    found: list[AptSource] = []
    for path in [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]:
        if path.is_file() and path.suffix == ".list":
            found += parse_one_line(path.read_text())
        elif path.is_file() and path.suffix == ".sources":
            found += parse_deb822(path.read_text())
    return found


def mirror(suite: str) -> str | None:
    """The machine's own mirror address for `suite`, or None when it has no such source."""
    return next((source.uri for source in apt_sources() if suite in source.suites), None)


def fetched(*packages: str, dated: bool = True) -> str:
    """A script that unpacks packages of another suite into $d/tree, to be completed by `of_suite`.

    `dated`: refuse an index whose date has passed; a copy of the newest suite may lag behind, and has no other.
    """
    options = _OPTIONS if dated else f"{_OPTIONS} check-valid-until=no"
    unpack = "\n".join(f"dpkg-deb -x {package}_*.deb $d/tree" for package in packages)
    return _FETCH.format(options=options, packages=" ".join(packages), unpack=unpack)


def of_suite(script: str, suite: str) -> str:
    """The script with the machine's own mirror, which has `suite` beside the suite of the base."""
    return script.format(keyring=keyring(), mirror=mirror(SUITE), suite=suite)


def for_suite(text: str, suite: Suite) -> str:
    """A file of apt sources, with `suite` where this machine's own one stands (`bookworm-updates` too)."""
    return re.sub(rf"(?<=\s){SUITE}(?=[-\s]|$)", suite, text)


def copy_apt_configuration(tree: Path, suite: Suite = SUITE) -> None:
    """Give `tree` this machine's apt sources, keyrings and download settings (proxy, validity of dates)."""
    own, theirs = Path("/etc/apt"), tree / "etc/apt"
    if (own / "sources.list").is_file():
        shutil.copy2(own / "sources.list", theirs / "sources.list")
    else:
        (theirs / "sources.list").unlink(missing_ok=True)
    for folder in ("sources.list.d", "trusted.gpg.d", "keyrings"):
        if (own / folder).is_dir():
            shutil.copytree(own / folder, theirs / folder, dirs_exist_ok=True)
    for path in (theirs / "sources.list", *(theirs / "sources.list.d").glob("*")):
        if path.is_file():
            path.write_text(for_suite(path.read_text(), suite))
    shutil.copytree("/usr/share/keyrings", tree / "usr/share/keyrings", dirs_exist_ok=True)
    # Only what concerns downloads: hooks of the machine's other packages would call programs that the tree lacks.
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    kept = [line for line in dump.splitlines() if line.startswith("Acquire::")]
    (theirs / "apt.conf.d/99rig").write_text("\n".join(kept) + "\n")


@dataclass(frozen=True)
class PipConfiguration:
    """pip's settings on this machine, merged over its files and environment."""

    values: dict[str, str]

    def text(self) -> str:
        """The same settings as one pip.conf."""
        lines = ["[global]"]
        for key, value in sorted(self.values.items()):
            lines.append(f"{key} = " + "\n    ".join(value.split()))
        return "\n".join(lines) + "\n"

    def local_paths(self) -> list[Path]:
        """The folders and files of this machine that the settings name, to be bound at the same place in a tree."""
        paths = [_path(word) for word in self.values.get("find-links", "").split() if word.startswith(("file:", "/"))]
        for word in " ".join(self.values.get(key, "") for key in ("index-url", "extra-index-url")).split():
            if word.startswith("file:"):
                # An index `…/simple` links to the files beside it, as `../../files/…`.
                index = _path(word)
                paths.append(index.parent if index.name == "simple" and len(index.parts) > 2 else index)
        for key in ("cert", "constraint"):
            paths += [_path(word) for word in self.values.get(key, "").split()]
        return list(dict.fromkeys(path for path in paths if path.exists()))


def _path(word: str) -> Path:
    return Path(unquote(urlparse(word).path))


def pip_configuration() -> PipConfiguration:
    """Ask pip itself; the environment wins over the files, as it does in pip."""
    output = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        check=True,
        capture_output=True,
        text=True,
        env=dict(os.environ),
    ).stdout
    values: dict[str, str] = {}
    for wanted_prefix in ("global.", "install.", ":env:."):
        for line in output.splitlines():
            key, equals, value = line.partition("=")
            if equals and key.startswith(wanted_prefix):
                values[key.removeprefix(wanted_prefix)] = str(ast.literal_eval(value))
    return PipConfiguration(values)


def keyring() -> str:
    """Debian's archive keyring as this machine has it (its name is the same on Debian and its children)."""
    found = glob.glob("/usr/share/keyrings/debian-archive-keyring.*")
    if not found:
        raise RuntimeError("no Debian archive keyring under /usr/share/keyrings")
    return sorted(found)[0]
