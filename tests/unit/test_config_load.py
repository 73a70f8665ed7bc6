"""Reading the configuration: all of it is right, or every fault is told with its place and what is allowed."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.alerts.urls import url_problem
from runaway_watchdog.config.compile import compile_configuration
from runaway_watchdog.config.durations import format_duration, parse_duration
from runaway_watchdog.config.faults import ConfigurationFaults, Fault
from runaway_watchdog.config.load import Configuration, load
from runaway_watchdog.config.locate import Surroundings
from runaway_watchdog.config.urls import split_urls

Write = Callable[..., Path]
SECRET = "HUNTER2"
AROUND = Surroundings({}, 0, Path("/root"))
EVERY_KEY = """\
[sampling]
interval = "500ms"
[[rule]]
name = "hot"
cpu = 250.5
for = "1h30m"
severity = "critical"
push = false
unit = "a*"
user = "root"
project = "shop"
cmdline = "* --all"
[[rule]]
name = "warm"
kind = "restarts"
times = 9
[alerts]
urls = ["json://localhost", "json://localhost/b"]
remind_after = "2h"
quiet = "22:00-07:00"
per_hour = 3
per_hour_in_all = 9
digest = "never"
heartbeat_url = "https://hc.example.org/1"
[[expect]]
unit = "backup.service"
between = "02:00-04:30"
until = 2030-12-31
[store]
path = "/srv/w.db"
keep = "7d"
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str, name: str = "config.toml", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    return to_file


def loaded(*files: Path, env: dict[str, str] | None = None) -> Configuration:
    return load(files, env=env or {}, cpus=4, url_problem=lambda url: "is bad" if "bad" in url else None)


def faults(*files: Path, env: dict[str, str] | None = None) -> tuple[Fault, ...]:
    with pytest.raises(ConfigurationFaults) as caught:
        loaded(*files, env=env)
    return caught.value.faults


def compiled(name: str, cpu: float, for_s: float, **different: object) -> dict[str, object]:
    """A rule as the watch gets it."""
    usual = {"kind": "cpu", "times": 5, "severity": "warning", "by_harm": True, "push": True, "only": {}}
    return {"name": name, "cpu": cpu, "for_s": for_s, **usual, **different}


def test_no_file_at_all_is_the_default_rules() -> None:
    """90 % of a core for five minutes before all, looked at every two seconds, told to the terminal."""
    assert compile_configuration(loaded(), AROUND) == {
        "interval_s": 2.0,
        "rules": [
            compiled("sustained-cpu", 90.0, 300.0),
            compiled("slow-burn", 40.0, 3600.0, severity="info", by_harm=False, push=False),
            compiled("restart-loop", 90.0, 600.0, kind="restarts"),
            compiled("pressure", 60.0, 300.0, kind="pressure"),
            compiled("steal", 20.0, 600.0, kind="steal"),
        ],
        "alerts": {
            "urls": [],
            "channels": ["terminal"],
            "remind_after_s": 3600.0,
            "quiet": None,
            "per_hour": 12,
            "per_hour_in_all": 60,
            "digest_minute": 480,
            "heartbeat_url": None,
        },
        "expect": [],
        "store": {"path": "/var/lib/runaway-watchdog/watchdog.db", "keep_s": 7776000.0},
        "sources": [],
    }


def test_every_key_reaches_the_compiled_configuration(write: Write) -> None:
    """What is written is what the watch gets, as plain data."""
    file = write(EVERY_KEY)
    assert compile_configuration(loaded(file), AROUND) == {
        "interval_s": 0.5,
        "rules": [
            compiled(
                "hot",
                250.5,
                5400.0,
                severity="critical",
                by_harm=False,
                push=False,
                only={"unit": "a*", "project": "shop", "user": "0", "cmdline": "* --all"},
            ),
            compiled("warm", 90.0, 300.0, kind="restarts", times=9),
        ],
        "alerts": {
            "urls": ["json://localhost", "json://localhost/b"],
            "channels": ["json(localhost)", "json(localhost)-2"],
            "remind_after_s": 7200.0,
            "quiet": (1320, 420),
            "per_hour": 3,
            "per_hour_in_all": 9,
            "digest_minute": None,
            "heartbeat_url": "https://hc.example.org/1",
        },
        "expect": [{"unit": "backup.service", "window": [120, 270], "until": datetime(2031, 1, 1).timestamp()}],
        "store": {"path": "/srv/w.db", "keep_s": 604800.0},
        "sources": [str(file)],
    }


@pytest.mark.parametrize(
    ("text", "line", "key", "problem", "fix"),
    [
        (
            '[sampling]\nintervall = "2s"',
            2,
            "sampling.intervall",
            "is not a key that I know",
            "did you mean `interval`?",
        ),
        ("[alert]\n", 1, "alert", "is not a key that I know", "did you mean `alerts`?"),
        ("zzz = 1", 1, "zzz", "is not a key that I know", "allowed here: sampling, rule, expect, alerts, store"),
        ("[[rule]]\nfro = 1", 2, "rule[1].fro", "is not a key that I know", "did you mean `for`?"),
        ("[sampling]\ninterval = 2", 2, "sampling.interval", "is a number, not a duration in quotes", '"0.2s" to "1m"'),
        ('[sampling]\ninterval = "2 parsecs"', 2, "sampling.interval", "is not a duration", '"0.2s" to "1m"'),
        ('[sampling]\ninterval = "0.1s"', 2, "sampling.interval", "is too short", '"0.2s" to "1m"'),
        ('[sampling]\ninterval = "61s"', 2, "sampling.interval", "is too long", '"0.2s" to "1m"'),
        (
            "[[rule]]\n[[rule]]\nname='b'\ncpu = 401",
            4,
            "rule[2].cpu",
            "is out of range: this host has 4 CPUs",
            "1 to 400",
        ),
        ("[[rule]]\ncpu = 0", 2, "rule[1].cpu", "is out of range: this host has 4 CPUs", "1 to 400"),
        ("[[rule]]\ncpu = nan", 2, "rule[1].cpu", "is out of range: this host has 4 CPUs", "1 to 400"),
        ('[[rule]]\ncpu = "90"', 2, "rule[1].cpu", "is a text, not a number", "a number from 1"),
        ("[[rule]]\ncpu = true", 2, "rule[1].cpu", "is true or false, not a number", "a number from 1"),
        ('[[rule]]\nseverity = "bad"', 2, "rule[1].severity", "has a value that is not allowed", '"critical"'),
        ('[[rule]]\nkind = "disk"', 2, "rule[1].kind", "has a value that is not allowed", '"pressure"'),
        ("[[rule]]\ntimes = 1", 2, "rule[1].times", "has a value that is not allowed", "from 2 to 50"),
        ('[[rule]]\npush = "no"', 2, "rule[1].push", "is a text", "true or false"),
        ("[[rule]]\nunit = 5", 2, "rule[1].unit", "is a number, not a text in quotes", "a name in quotes"),
        ('[[rule]]\nimage = ""', 2, "rule[1].image", "is empty, or longer than 500 characters", "a name in quotes"),
        ('[[rule]]\nuser = "nobody-at-all"', 2, "rule[1].user", "is no user of this host", "name or number"),
        (
            '[[rule]]\nkind = "steal"\nunit = "a"', 3, "rule[1].unit",
            'says nothing in a rule of the kind "steal"', "none of these keys",
        ),
        (
            '[[rule]]\nkind = "restarts"\nexe = "a"', 3, "rule[1].exe",
            'says nothing in a rule of the kind "restarts"', "unit, container, project, image",
        ),
        ('[[rule]]\nname = "a b"', 2, "rule[1].name", "has a value that is not allowed", "letters, digits"),
        ('[[rule]]\nname = "a\\n"', 2, "rule[1].name", "has a value that is not allowed", "letters, digits"),
        ('[[rule]]\nfor = "1s"', 2, "rule[1].for", 'is shorter than sampling.interval ("2s")', '"2s" or more'),
        ("[rule]\ncpu = 9", 1, "rule", "is a table, not a list of tables", "write [[rule]]"),
        ("alerts = 5", 1, "alerts", "is a number, not a table", "[alerts]"),
        ("[alerts]\nurls = 'json://x'", 2, "alerts.urls", "is a text", "a list of Apprise URLs"),
        ("[alerts]\nurls = [1]", 2, "alerts.urls[1]", "is a number", "a list of Apprise URLs"),
        ("[alerts]\nurls_file = 'x'", 2, "alerts.urls_file", "is a relative path", "an absolute path"),
        ("[alerts]\nquiet = '7'", 2, "alerts.quiet", "is not a time of the day such as 02:00-04:00", "02:00-04:00"),
        ("[alerts]\nquiet = '25:00-26:00'", 2, "alerts.quiet", "has a time that no day has", "02:00-04:00"),
        ("[alerts]\nquiet = '02:00-02:00'", 2, "alerts.quiet", "begins and ends at the same time", "02:00-04:00"),
        ("[alerts]\ndigest = '8'", 2, "alerts.digest", "is not a time of the day such as 08:00", '"never"'),
        ("[alerts]\nper_hour = 0", 2, "alerts.per_hour", "has a value that is not allowed", "from 1 to 1000"),
        ("[alerts]\nheartbeat_url = 'ftp://x'", 2, "alerts.heartbeat_url", "is no web address", "https://"),
        ("[[expect]]\nunit = 'a'", 1, "expect[1].between", "is missing", "02:00-04:00"),
        ("[store]\npath = 1", 2, "store.path", "is a number", "an absolute path"),
        (
            "[store]\nkeep = 1979-05-27",
            2,
            "store.keep",
            "is a date or time, not a duration in quotes",
            '"1h" to "3650d"',
        ),
        ("[alerts]\n[alerts]\n", 2, "", "is not valid TOML: Cannot declare ('alerts',) twice", "below the first one"),
        ("[sampling\n", 1, "", "is not valid TOML: Expected ']' at the end of a table declaration", "column"),
    ],
)  # fmt: skip
def test_fault_names_its_place_and_what_is_allowed(
    write: Write, text: str, line: int, key: str, problem: str, fix: str
) -> None:
    """File, line, key path, what is wrong, and what would be right."""
    (fault,) = faults(write(text))
    assert (fault.line, fault.key, fault.problem) == (line, key, problem)
    assert fix in fault.fix


def test_all_faults_of_all_files_are_told_at_once(write: Write) -> None:
    """Nobody has to run it once for each mistake."""
    first = write('[sampling]\ninterval = "x"\n[[rule]]\ncpu = 0\nfoo = 1\n', "a.toml")
    second = write("[store]\nkeep = 1\n", "b.toml")
    assert [(Path(fault.file).name, fault.key) for fault in faults(first, second)] == [
        ("a.toml", "sampling.interval"),
        ("a.toml", "rule[1].cpu"),
        ("a.toml", "rule[1].foo"),
        ("b.toml", "store.keep"),
    ]


def test_two_rules_of_one_name_are_refused(write: Write) -> None:
    """Incidents name their rule, so a name means one rule; the default's name counts too."""
    (fault,) = faults(write('[[rule]]\ncpu = 50\n[[rule]]\nname = "sustained-cpu"\n'))
    assert (fault.line, fault.key) == (4, "rule[2].name")


def test_later_file_overrides_key_by_key(write: Write) -> None:
    """A table is merged, a list is replaced."""
    first = write('[sampling]\ninterval = "1s"\n[store]\nkeep = "1d"\n[[rule]]\nname = "a"\n', "a.toml")
    second = write('[store]\npath = "/x.db"\n[[rule]]\nname = "b"\n', "b.toml")
    compiled = compile_configuration(loaded(first, second), AROUND)
    assert compiled["interval_s"] == 1.0
    assert compiled["store"] == {"path": "/x.db", "keep_s": 86400.0}
    assert [rule["name"] for rule in compiled["rules"]] == ["b"]
    assert compiled["sources"] == [str(first), str(second)]


def test_rule_too_short_for_another_files_interval_is_found(write: Write) -> None:
    """Each file is right by itself; together they are not, and the fault names the file with the rule."""
    first = write('[[rule]]\nfor = "5s"\n', "a.toml")
    second = write('[sampling]\ninterval = "10s"\n', "b.toml")
    (fault,) = faults(first, second)
    assert (fault.file, fault.key) == (str(first), "rule[1].for")


def test_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """Absent, a folder, or not text: each with its own words."""
    (tmp_path / "latin.toml").write_bytes(b"# \xff\n")
    assert "No such file" in faults(tmp_path / "none.toml")[0].problem
    assert "directory" in faults(tmp_path)[0].problem.lower()
    assert faults(tmp_path / "latin.toml")[0].problem == "is not UTF-8 text"


# --- alert URLs ------------------------------------------------------------------------------------------------


def test_urls_of_every_source_come_together(write: Write, tmp_path: Path) -> None:
    """The file, a file of URLs, the environment and systemd's credentials, each URL once."""
    listed = write("# mine\njson://two\n\njson://one # no comment behind a URL\n", "urls")
    write("json://four json://one\n", "alert-urls", 0o444)
    file = write(f'[alerts]\nurls = ["json://one"]\nurls_file = "{listed}"\n')
    env = {"RUNAWAY_WATCHDOG_ALERT_URLS": "json://three,json://one", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    found = loaded(file, env=env)
    assert [url for url in found.urls if "://" in url] == ["json://one", "json://three", "json://two", "json://four"]
    assert found.files == (file, listed, tmp_path / "alert-urls")


def test_a_folder_of_credentials_that_is_gone_is_a_fault(write: Write, tmp_path: Path) -> None:
    """One that holds none of ours is none: the unit has others."""
    file = write('[alerts]\nurls = ["json://one"]\n')
    assert loaded(file, env={"CREDENTIALS_DIRECTORY": str(tmp_path)}).urls == ("json://one",)
    with pytest.raises(ConfigurationFaults) as raised:
        loaded(file, env={"CREDENTIALS_DIRECTORY": str(tmp_path / "gone")})
    (fault,) = raised.value.faults
    assert str(tmp_path / "gone") in fault.problem


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("", []),
        (" json://a ,\n json://b ", ["json://a", "json://b"]),
        ("mailto://u:p@h?to=a@b.org,c@d.org,json://b", ["mailto://u:p@h?to=a@b.org,c@d.org", "json://b"]),
        ("json://a,", ["json://a"]),
    ],
)
def test_urls_are_separated_by_space_or_comma(text: str, urls: list[str]) -> None:
    """A comma inside a URL is the URL's own."""
    assert split_urls(text) == urls


@pytest.mark.parametrize(
    ("mode", "group", "refused"),
    [(0o644, 0, True), (0o604, 0, True), (0o640, 65534, True), (0o640, 0, False), (0o600, 65534, False)],
)
def test_file_with_urls_that_others_can_read_is_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch, mode: int, group: int, *, refused: bool
) -> None:
    """A password in a file of mode 0644 is everybody's. Root's own group may read it, and no other."""
    file = write('[alerts]\nurls = ["json://x"]\n', mode=mode)
    told = file.stat()
    of_group = os.stat_result((*told[:5], group, *told[6:]))  # to give a file to a group takes root
    monkeypatch.setattr(Path, "stat", lambda _: of_group)
    if refused:
        (fault,) = faults(file)
        assert fault.fix == f"chmod 0600 {file}"
    else:
        assert loaded(file).urls == ("json://x",)


def test_file_without_urls_may_be_read_by_all(write: Write) -> None:
    """There is nothing to hide in it; the file of URLs that it names is another matter."""
    listed = write("json://x\n", "urls", 0o644)
    assert loaded(write('[store]\nkeep = "1d"\n', mode=0o644)).urls == ()
    (fault,) = faults(write(f'[alerts]\nurls_file = "{listed}"\n', mode=0o644))
    assert fault.file == str(listed)


def test_malformed_url_is_named_by_place_and_label_alone(write: Write) -> None:
    """Neither the fault nor the exception's text tells the secret."""
    file = write(f'[alerts]\nurls = ["json://ok", "mailto://bad:{SECRET}@example.org"]\n')
    with pytest.raises(ConfigurationFaults) as caught:
        loaded(file, env={"RUNAWAY_WATCHDOG_ALERT_URLS": f"bad-{SECRET}"})
    assert SECRET not in str(caught.value)
    assert [(fault.key, fault.problem) for fault in caught.value.faults] == [
        ("alerts.urls[2]", "(mailto(example.org)) is bad"),
        ("URL 1", "(channel) is bad"),
    ]


def test_apprise_is_asked_about_real_urls(write: Write) -> None:
    """Without another judge, Apprise says what is malformed, and its words hold no piece of the URL."""
    good = f"mailto://me:{SECRET}@example.org?to=a@example.org"
    bad = [f"mailto://{SECRET}", f"zzz://{SECRET}", f"slack://{SECRET}", SECRET, f"json://h:{SECRET}/x"]
    file = write(f"[alerts]\nurls = {[good, *bad, f'https://example.org/{SECRET}']}\n")
    with pytest.raises(ConfigurationFaults) as caught:
        load((file,), env={}, cpus=1, url_problem=url_problem)
    assert [fault.key for fault in caught.value.faults] == [f"alerts.urls[{number}]" for number in range(2, 8)]
    assert SECRET not in str(caught.value)


def test_configuration_does_not_print_its_urls(write: Write) -> None:
    """A log line with the object in it tells no secret."""
    found = loaded(write(f'[alerts]\nurls = ["json://me:{SECRET}@h"]\n'))
    assert SECRET not in repr(found)
    assert SECRET not in str(found.labels)


# --- durations -------------------------------------------------------------------------------------------------


@given(st.integers(min_value=0, max_value=10**8))
def test_duration_is_read_as_it_was_written(seconds: int) -> None:
    """Every whole number of seconds survives being written and read."""
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2s", 2), ("500ms", 0.5), ("1h30m", 5400), ("90d", 7776000), (" 1h 5m ", 3900), ("0.2s", 0.2)],
)
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    """Numbers with units, one after the other."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 weeks", "5s5", "1e9s", "∞", "٣s", "9" * 50 + "s"])
def test_anything_else_is_no_duration(text: str) -> None:
    """A number without a unit least of all: nobody knows whether it means seconds or minutes."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)
