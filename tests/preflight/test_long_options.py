"""A long option whose name is cut short is read as getopt_long(3) reads it, wherever a program takes its options."""

import pytest
from preflight.host_world import shop

from runaway_watchdog.effects import long_options
from runaway_watchdog.model.command import Word
from runaway_watchdog.model.effect import risk
from runaway_watchdog.preflight.verdict import verdict

SAME = [
    ("cp --targ=/srv/shop notes.txt", "cp --target-directory=/srv/shop notes.txt"),
    ("cp --targ /srv/shop notes.txt", "cp --target-directory /srv/shop notes.txt"),
    ("cp --recurs uploads /srv/shop", "cp --recursive uploads /srv/shop"),
    ("cp --backu notes.txt /srv/shop/compose.yml", "cp --backup notes.txt /srv/shop/compose.yml"),
    ("cp --no-cl notes.txt /srv/shop/compose.yml", "cp --no-clobber notes.txt /srv/shop/compose.yml"),
    ("cp --attr notes.txt /srv/shop/compose.yml", "cp --attributes-only notes.txt /srv/shop/compose.yml"),
    ("mv --no-cl notes.txt /srv/shop/compose.yml", "mv --no-clobber notes.txt /srv/shop/compose.yml"),
    ("mv --targ=/srv/shop notes.txt", "mv --target-directory=/srv/shop notes.txt"),
    ("install --backu notes.txt /srv/shop/compose.yml", "install --backup notes.txt /srv/shop/compose.yml"),
    ("ln --symb --for /etc/hosts notes.txt", "ln --symbolic --force /etc/hosts notes.txt"),
    ("rm --recurs --fo uploads", "rm --recursive --force uploads"),
    ("sudo rm --recurs uploads", "sudo rm --recursive uploads"),
    ("find /srv/uploads -exec rm --recurs {} +", "find /srv/uploads -exec rm --recursive {} +"),
    ("busybox cp --targ=/srv/shop notes.txt", "busybox cp --target-directory=/srv/shop notes.txt"),
    ("chmod --recurs 000 /srv/uploads", "chmod --recursive 000 /srv/uploads"),
    ("truncate --si 0 notes.txt", "truncate --size 0 notes.txt"),
    ("shred --rem notes.txt", "shred --remove notes.txt"),
    ("echo x | tee --app notes.txt", "echo x | tee --append notes.txt"),
    ("sort --outp=notes.txt /etc/hosts", "sort --output=notes.txt /etc/hosts"),
    ("sort --outp notes.txt /etc/hosts", "sort --output notes.txt /etc/hosts"),
    ("shuf --outp notes.txt /etc/hosts", "shuf --output notes.txt /etc/hosts"),
    ("sed --in-pl d notes.txt", "sed --in-place d notes.txt"),
    ("sed --in-pl=.bak d notes.txt", "sed --in-place=.bak d notes.txt"),
    ("tar --cre -f a.tar --remove-f uploads", "tar --create -f a.tar --remove-files uploads"),
    ("gzip --kee notes.txt", "gzip --keep notes.txt"),
    ("gunzip --to notes.txt", "gunzip --to-stdout notes.txt"),
    ("wget --output-d=notes.txt http://x", "wget --output-document=notes.txt http://x"),
    ("curl --dump-h notes.txt http://x", "curl --dump-header notes.txt http://x"),
    ("patch --outp=notes.txt a b", "patch --output=notes.txt a b"),
    ("wipefs --al /dev/sda", "wipefs --all /dev/sda"),
    ("journalctl --vacuum-s=1M", "journalctl --vacuum-size=1M"),
    ("date --se=12:00", "date --set=12:00"),
    ("dmesg --cl", "dmesg --clear"),
    ("timeout --sig=KILL 5 rm notes.txt", "timeout --signal=KILL 5 rm notes.txt"),
    ("env --ignore-env rm notes.txt", "env --ignore-environment rm notes.txt"),
]  # fmt: skip


@pytest.mark.parametrize(("short", "whole"), SAME, ids=[short for short, _ in SAME])
def test_a_name_that_is_cut_short_is_the_option(short: str, whole: str) -> None:
    """What the line loses, changes and leaves open is what the whole name's line does."""
    one, other = shop().judge(short), shop().judge(whole)
    assert one.effects == other.effects
    assert verdict(one) == verdict(other)
    assert risk(one.unknown) == risk(other.unknown)
    assert len(one.unknown) == len(other.unknown)


@pytest.mark.parametrize(
    "line",
    [
        "cp --no notes.txt /srv/shop/compose.yml",  # several begin so
        "cp --backups notes.txt /srv/other",
        "mv --unheard notes.txt /srv/other",
        "rm --unheard /tmp/scratch",
        "ln --s /etc/hosts /srv/other",
        "sort --un=x /etc/hosts --c",
        "tar --del --cre --file=/srv/new.tar --de uploads",
    ],
)
def test_a_name_that_is_not_known_or_begins_several_makes_a_line_unknown(line: str) -> None:
    """It is never taken for an option that was not given."""
    judged = shop().judge(line)
    assert verdict(judged) in ("unknown", "destroys-data")
    assert risk(judged.unknown) == "high"


@pytest.mark.parametrize(
    "line",
    ["cp -- --unheard /srv/other", "ls --color=auto --group-dir", "grep --include='*.py' -rn x", "cp --help"],
)
def test_other_words_and_other_programs_are_left_alone(line: str) -> None:
    assert verdict(shop().judge(line)) == "safe"


@pytest.mark.parametrize("program", sorted(long_options.PROGRAMS))
def test_each_name_of_a_table_is_itself_and_its_beginnings_are_no_other(program: str) -> None:
    """What is cut short is the option, or none: never another one."""
    names = long_options.names(program)
    for name in names:
        assert long_options.spelled((Word(program, program), Word(name, name)))[1].text == name
        for end in range(4, len(name)):
            told = long_options.spelled((Word(program, program), Word(name[:end], name[:end])))[1].text or ""
            assert told == name[:end] or [each for each in names if each.startswith(name[:end])] == [told]
