"""Hostile names in every proposed command, really run in a jail: the same words as ever, and nothing else."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from support.jail import OWNED, Jail
from support.recorded_hosts import HOSTS, Recording, explained, recording_of, renamed, texts, whole_word

from runaway_watchdog.model.casefile import CaseFile

EVERYTHING = (
    f"x'\"$({OWNED} a)`{OWNED} b`\n;{OWNED} c\n|{OWNED} d&&{OWNED} e>f\\ #*?~<g${{HOME}}%n!!"
    "\x1b[2J\x1b]0;t\x07\u202e\u200b\udc80\u2028end"
)
PIECES = (
    "'", '"', f"$({OWNED})", f"`{OWNED}`", f"\n{OWNED}\n", f";{OWNED};", f"|{OWNED} ", f"&{OWNED}&", ">out ", "<in",
    "\\", "\\\n", "$HOME", "${IFS}", "#", "*", "{a,b}", "~", "%s", "\x1b[2J", "\u202e", "\udcff", " ", "\t", "é", "x",
    "')", '")', "\\'", "\r", "-", "=", "/e",
)  # fmt: skip
NAMES = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join)
ORDINARY = {"root", "cron", "docker", "systemd", "usr", "local", "bin", "etc", "srv", "opt", "lib", "proc", "sbin",
    "status", "state", "kill", "done", "down", "active", "enabled", "user", "system", "process", "conf"}  # fmt: skip
"""What no user of the host names."""
NOT_OURS = re.compile(r"[0-9a-f]{12}|\d+")
"""Hashes and line numbers, which follow what the names are in."""

STANDS_IN = re.compile(r"/root/[\w./-]+$|\d+@$")
"""A copy is named after what it is of, in letters; a user whose name systemctl would not take has a number."""


@dataclass(frozen=True)
class Planned:
    """A host's plan as it was recorded, and what each of its lines runs."""

    recording: Recording
    names: tuple[str, ...]
    lines: tuple[str, ...]


def lines_of(case: CaseFile) -> Iterator[str]:
    """Every command that a person is shown, and the one in each sentence that the script checks."""
    for step in case.plan.steps:
        yield step.command
        yield step.undo or ":"
        yield getattr(step.check, "command", ":")
    yield from (never.command for never in case.plan.dangerous)


@cache
def planned(host: Path) -> Planned:
    recording = recording_of(host)
    case = explained(recording)
    chosen = [case.process.name, *case.process.cmdline, case.process.cgroup]
    chosen += [text for owner in case.owners for text in (owner.name, owner.id, *texts(owner.facts))]
    parts = {part.partition(".")[0] for text in chosen for part in re.split(r"[/:@ ]", text)} - ORDINARY
    lines = tuple(lines_of(case))
    spoken = "\n".join(lines)
    names = {part for part in parts if re.fullmatch(r"[a-z][\w-]+", part) and whole_word(part).search(spoken)}
    return Planned(recording, tuple(sorted(names)), lines)


@pytest.fixture(scope="module")
def jail() -> Iterator[Jail]:
    """With every program that any recorded host's plan runs, by its bare name."""
    spoken = "\n".join(line for host in HOSTS for line in planned(host).lines)
    words = re.findall(r"(?<![\w/.-])[a-z][\w.+-]+", re.sub(r"'[^']*'", "", spoken))
    with TemporaryDirectory() as folder:  # not below pytest's own, where nobody else may go
        yield Jail(Path(folder), words)


@cache
def usually_ran(jail: Jail, host: Path) -> list[list[list[str]]]:
    return jail.run(planned(host).lines)


def runs_the_same(jail: Jail, host: Path, name: str, other: str) -> bool:
    """Whether the plan is the same under the other name: then each line runs the same programs, with as many words,
    and each word is the usual one, or holds the name. Where it is another plan, it runs nothing that it should not."""
    lines = tuple(lines_of(explained(renamed(planned(host).recording, name, other))))
    ran = jail.run(lines)
    assert OWNED not in {words[0] for each in ran for words in each}, lines
    before = usually_ran(jail, host)
    if [programs(each) for each in before] != [programs(each) for each in ran]:
        return False
    swap = whole_word(name)
    for line, was, now in zip(lines, before, ran, strict=True):
        assert Counter(map(len, was)) == Counter(map(len, now)), line
        words = [word for each in was for word in each]
        known = {NOT_OURS.sub("", word) for word in (*words, *(swap.sub(lambda _: other, word) for word in words))}
        for word in (word for each in now for word in each):
            assert other in word or NOT_OURS.sub("", word) in known or STANDS_IN.match(word), (line, word)
    return True


def programs(ran: Sequence[Sequence[str]]) -> Counter[str]:
    return Counter(words[0] for words in ran)


def one_of_each_kind() -> dict[str, Path]:
    """The kind of owner -> the recorded host whose plan has most steps for it."""
    found: dict[str, tuple[int, Path]] = {}
    for host in HOSTS:
        case = json.loads((host / "explain.json").read_text())
        steps = len(case["plan"]["steps"])
        found[case["owners"][0]["kind"]] = max((steps, host), found.get(case["owners"][0]["kind"], (0, host)))
    return {kind: host for kind, (steps, host) in sorted(found.items()) if steps}


SAMPLE = one_of_each_kind()


@pytest.mark.parametrize("host", SAMPLE.values(), ids=list(SAMPLE))
def test_a_name_with_everything_in_it_runs_nothing(jail: Jail, host: Path) -> None:
    """Each name in turn that a command holds: quotes, substitutions, line breaks, escapes, a byte that is no text."""
    for name in planned(host).names:
        runs_the_same(jail, host, name, EVERYTHING)


@pytest.mark.truth
@pytest.mark.parametrize("host", sorted(set(HOSTS) - set(SAMPLE.values())), ids=lambda path: path.name)
def test_the_same_holds_on_every_recorded_host(jail: Jail, host: Path) -> None:
    """All that the sample above leaves out."""
    for name in planned(host).names:
        runs_the_same(jail, host, name, EVERYTHING)


NAMED = {
    "compose-worker-v1": "ocr-worker-1",
    "podman-always-v1": "plain",
}
"""Hosts whose plan stays the same, whatever the name is: no line of a file is lost with a line break in it."""


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(NAMED)), NAMES)
def test_any_name_stays_one_word(jail: Jail, host: str, other: str) -> None:
    """Whatever it is made of, and the plan stays the usual one."""
    assert runs_the_same(jail, HOSTS[0].parent / host, NAMED[host], f"x{other}")


def test_a_name_of_64_kib_stays_one_word(jail: Jail) -> None:
    """As long as a label may be."""
    assert runs_the_same(jail, HOSTS[0].parent / "compose-worker-v1", "ocr-worker-1", "x'$(owned)" * 6553)


@pytest.mark.parametrize("host", ["systemd-always", "systemd-timer", "systemd-transient-v2", "systemd-bus"])
def test_a_unit_s_name_never_becomes_an_option(jail: Jail, host: str) -> None:
    """A unit may be called -Hx.service, by any user: `systemctl stop -Hx.service` would go to the host x.service."""
    usual = planned(HOSTS[0].parent / host)
    (name,) = {"spin-1", "nightly", "fleeting", "burn"} & set(usual.names)
    lines = tuple(lines_of(explained(renamed(usual.recording, name, "-Hx"))))
    found = 0
    for words in (words for ran in jail.run(lines) for words in ran if words[0] == "systemctl"):
        options = words[: words.index("--")] if "--" in words else words
        assert not [word for word in options if word.startswith("-Hx")], words
        found += any(word.startswith("-Hx") for word in words)
    assert found > 3
