"""Secrets by kind: in a command line, in a line of a shell and in free text; and what has to stay readable."""

import re
import shlex
import time
from pathlib import Path

import pytest

from runaway_watchdog.masking import mask_argv, mask_text

FOLDER = Path(__file__).parent / "secrets"
WANTED = 0.92
"""Of the forms that nobody looks at while a kind is mended: the share that has to be masked."""


def lines(name: str) -> list[str]:
    """What a list holds: one form a line."""
    return [each for each in (FOLDER / name).read_text().splitlines() if each and not each.startswith("# ")]


def is_command(form: str) -> bool:
    """Whether a shell would make arguments of it, rather than a file or a journal hold it."""
    texts = [(FOLDER / name).read_text().partition("\n# From here on")[2] for name in ("forms.txt", "unseen.txt")]
    return form not in "\n".join(texts).splitlines()


def shown(line: str, *, command: bool) -> list[str]:
    """All ways in which a line may be told: as text, as a shell's own, as the arguments that a shell makes of it."""
    ways = [mask_text(line), mask_text(f"it runs `{line}` as root"), *mask_argv(("sh", "-c", line))]
    return [*ways, " ".join(mask_argv(shlex.split(line)))] if command else ways


def leaks(form: str) -> list[str]:
    """Where a secret of this form comes through, whole or by a piece of six characters."""
    secrets = re.findall("«(.*?)»", form)
    pieces = {secret[at : at + 6] for secret in secrets for at in range(max(1, len(secret) - 5))}
    plain = re.sub("[«»]", "", form)
    # What stands in the line beside the secret too says nothing of it.
    beside = re.sub("«.*?»", " ", form)
    return [
        way
        for way in shown(plain, command=is_command(form))
        if any(each in way for each in pieces if each not in beside)
    ]


@pytest.mark.parametrize("form", lines("forms.txt"))
def test_a_secret_of_each_kind_is_masked(form: str) -> None:
    """However it is told, and masking what was masked changes nothing."""
    assert not leaks(form)
    line = re.sub("[«»]", "", form)
    argv = mask_argv(shlex.split(line) if is_command(form) else [line])
    assert mask_argv(argv) == argv
    assert mask_text(mask_text(line)) == mask_text(line)


def test_forms_that_nobody_looked_at_are_masked() -> None:
    """The kinds carry: of a list of their own nearly all are masked."""
    forms = lines("unseen.txt")
    masked = sum(not leaks(form) for form in forms)
    assert len(forms) >= 60
    assert masked >= WANTED * len(forms), f"{masked} of {len(forms)}"


@pytest.mark.parametrize("line", lines("kept.txt"))
def test_what_holds_no_secret_stays_readable(line: str) -> None:
    """Names, ports, paths, units, images and their hashes are what a process is recognised by."""
    assert mask_text(line) == line
    assert mask_argv(line.split()) == tuple(line.split())


SHAPES = [
    "echo a | ", "mysql -p", "'\"", "\"'", "' \" ", "sqlplus a/b@", "htpasswd -b ", "-u a:", "login x password ",
    "auth(", "identified by ", "password '", "send \"", "rtmp://a/", "://hooks.a/", "/webhook/", "aB3", "aB3-",
    "a1", "eyJaaaaaaaa.",
    "<password>", "'password', ", "key= value=", "%3D", "set a_key ", "--from-literal=", "redis-cli auth ", "mc set ",
    "jdbc:oracle:thin:", "<<< ", "`", "\\", "a=", "deadbeef", "mongo;", "https://a:b@", "SG.", "hf_", "sk-", "-p ",
    "mount user=%", "x y ", "\u00e9", "expect assword send \"", "(", "$(mysql ", "sudo -S ", "vault login ", "\"key\":",
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_no_shape_of_text_is_more_than_linear(shape: str) -> None:
    """Whoever chooses the text may choose what is slow to search: ten times as much takes about ten times as long."""
    taken = []
    for size in (4_000, 40_000):
        text = shape * (size // len(shape))
        begun = time.process_time()
        mask_text(text)
        taken.append(time.process_time() - begun)
    assert taken[1] < 30 * max(taken[0], 0.02)


@pytest.mark.parametrize("value", ["hunter-", "ab_", "swordfish_"])
def test_a_value_that_ends_in_a_joint_is_no_name(value: str) -> None:
    """Python before 3.11.5 took the joint for a part of a name: a possessive group."""
    assert value not in mask_text(f"token:{value}")
    assert "worker_00" in mask_text("token:worker_00")
