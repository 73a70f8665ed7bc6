"""supervisord's configuration, and what it answers: as supervisor 4.2 reads and writes them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from xmlrpc.client import dumps

import pytest
from hypothesis import given, strategies as st
from support.made_world import made_world

from runaway_watchdog.world import Unanswered, recorded, supervisord_conf, supervisors
from runaway_watchdog.world.filesystem import LiveFiles
from runaway_watchdog.world.inside import Inside
from runaway_watchdog.world.program_states import ProgramState
from runaway_watchdog.world.supervisord_conf import Configuration, Section

MAIN = """\
; the main file
[unix_http_server]
file=/var/run/supervisor.sock   ; (the path to the socket file)
[supervisord]
logfile=/var/log/x.log
[include]
files = conf.d/*.conf
[program:web]
command=/srv/web --opt='a;b'
process_name=%(program_name)s_%(process_num)02d
numprocs=2
autorestart=TRUE
exitcodes=0, 2
[group:pair]
programs=one,two
"""
INCLUDED = """\
[program:one]
command=one ; autorestart=false
[program:two]
command=two
environment=A="1",
    B="2"
autorestart=false
autostart=no
[program:web]
autostart=false
"""


def configuration(folder: Path, whose: Callable[[str], object] = lambda _: None) -> Configuration:
    (folder / "conf.d").mkdir()
    (folder / "conf.d/a.conf").write_text(INCLUDED)
    (folder / "supervisord.conf").write_text(MAIN)
    return supervisord_conf.read(Inside(LiveFiles()), str(folder / "supervisord.conf"), whose)


def test_programs_are_found_by_the_names_that_supervisord_gives(tmp_path: Path) -> None:
    """Numbered processes, groups, included files, and later values that win."""
    found = configuration(tmp_path)
    web, one, two = found.program("web", "web_01"), found.program("pair", "one"), found.program("pair", "two")
    assert web is not None
    assert one is not None
    assert two is not None
    assert (web.autorestart, web.autostart, web.exit_codes) == ("true", False, (0, 2))
    assert (one.autorestart, one.autostart, one.exit_codes) == ("unexpected", True, (0,))
    assert (two.autorestart, two.autostart) == ("false", False)
    assert two.section.settings["autostart"][1:] == (f"{tmp_path}/conf.d/a.conf", 8)
    assert found.program("web", "web_02") is None
    assert found.program("two", "nobody") is None


def test_its_server(tmp_path: Path) -> None:
    """A socket, without a comment that stands behind it; or a port, asked on this host."""
    assert configuration(tmp_path).server() == ("unix:///var/run/supervisor.sock", None, None)
    sections: dict[str, Section] = {}
    supervisord_conf.parse("[inet_http_server]\nport=*:9001\nusername=u\npassword=p\n", "x", sections)
    assert Configuration(sections).server() == ("http://127.0.0.1:9001", "u", "p")
    assert Configuration({}).server() is None


@given(st.text(alphabet="[]=:;# \t\nprogam%()sd0123456789\u00e9\x00", max_size=200))
def test_no_configuration_breaks_it(text: str) -> None:
    """A container's owner writes it."""
    sections: dict[str, Section] = {}
    supervisord_conf.parse(text, "x", sections)
    Configuration(sections).program("a", "a")
    Configuration(sections).server()


def test_a_huge_number_of_processes_is_not_counted_out() -> None:
    """Whoever wants to keep us busy asks for a billion."""
    sections: dict[str, Section] = {}
    text = "[program:a]\nnumprocs=999999999\nprocess_name=%(process_num)099999999d\n"
    supervisord_conf.parse(text, "x", sections)
    assert Configuration(sections).program("a", "b") is None


def test_a_file_that_others_may_write_is_not_read_with_the_others(tmp_path: Path) -> None:
    """Its sections would say where the password goes that the main file holds."""
    found = configuration(tmp_path, lambda path: "bob" if path.endswith("/a.conf") else "root")
    assert found.program("web", "web_01") is not None
    assert found.section("program:one") is None
    assert [each.rpartition("/")[2] for each in found.left_out] == ["a.conf"]


def test_an_answer_is_read() -> None:
    """As supervisord writes it; anything else is "could not look"."""
    web = {"group": "web", "name": "web", "pid": 12, "statename": "RUNNING", "exitstatus": 0}
    body = dumps(([web, {"name": "half"}, 5],), methodresponse=True).encode()
    assert supervisors.processes(body) == (ProgramState("web", "web", 12, "RUNNING"),)


def test_a_recording_holds_its_states() -> None:
    """Under supervisord's own names, as those that hold its whole answer."""
    states = (ProgramState("web", "web", 12, "RUNNING"),)

    class Answering:
        def supervisord(self, *_: object, **_named: object) -> Sequence[ProgramState]:
            return states

    world, asked = recorded.recorder(made_world([])._replace(supervisors=Answering()))
    assert world.supervisors.supervisord("unix:///s", None, None, 0) == states
    replayed = recorded.replay(json.loads(json.dumps({"host": "x", "asked": asked})))
    assert replayed.supervisors.supervisord("unix:///s", None, None, 0) == states


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><methodResponse/>',
        b"\xff\x00",
        dumps((5,), methodresponse=True).encode(),
    ],
)
def test_another_answer_is_refused(body: bytes) -> None:
    """Hostile XML too."""
    with pytest.raises(Unanswered):
        supervisors.processes(body)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.5:9001", "https://localhost:1", "unix://relative", "ftp://127.0.0.1:9", ""]
)
def test_no_other_host_is_ever_asked(url: str) -> None:
    """A password of the configuration goes nowhere else."""
    with pytest.raises(Unanswered):
        supervisors.LiveSupervisors().supervisord(url, "user", "secret", 0)
