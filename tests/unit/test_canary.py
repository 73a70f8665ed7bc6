"""Secrets of a host, each a canary of its own: none is in anything that is shown, stored or sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.recorded_hosts import HOSTS, Recording, explained, recording_of, walked, world_of

from runaway_watchdog.alerts import forms
from runaway_watchdog.alerts.alertmanager import alerts
from runaway_watchdog.alerts.slack import attachment
from runaway_watchdog.model.casefile import CaseFile
from runaway_watchdog.preflight.document import to_json as judged_to_json
from runaway_watchdog.preflight.sequence import Shell, judge
from runaway_watchdog.preflight.text import text as judged_text
from runaway_watchdog.render.document import to_json
from runaway_watchdog.render.message import Incident, Message, message
from runaway_watchdog.render.report import Report, page
from runaway_watchdog.render.script import NotWritableError, script
from runaway_watchdog.render.text import text

ARGUMENTS = (
    "--password=CANARY01", "-H", "Authorization: Bearer CANARY02token", "https://u:CANARY03@h/x?access_token=CANARY04",
    "--token", "CANARY05", "DB_PASS=CANARY06", "mysql", "-pCANARY07",
)  # fmt: skip
CANARY = re.compile(r"CANARY\d\d")
"""No word of a recording's own."""
SCHEMES = ("mailto", "ntfy", "slack", "discord", "tgram", "json", "msteams", "twilio")
KINDS = ("opened", "returned", "reminder", "resolved")


def with_secrets(recording: Recording) -> Recording:
    """The host as it was, with a secret wherever people put theirs."""
    asked = {
        question: [{**each, "value": _told(question, each["value"])} if "value" in each else each for each in answers]
        for question, answers in recording["asked"].items()
    }
    return {**recording, "asked": asked}


def _told(question: str, value: Any) -> Any:
    if question.endswith("/cmdline") and value:
        return value + "\0".join(ARGUMENTS) + "\0"
    if question.endswith("/environ"):
        return f"{value}DB_PASSWORD=CANARY08\0AWS_SECRET_ACCESS_KEY=CANARY09\0"
    if question.startswith(("engine.", "podman.")):
        return _in_containers(value)
    if question.startswith(("manager.unit", "users.unit")) and value:
        return _in_a_unit(value)
    if question.startswith("journal."):
        return walked(value, lambda said: f"{said} password=CANARY23")
    if question.startswith("files.read") and isinstance(value, str):
        return _in_a_file(question, value)
    return value


def _in_containers(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_containers(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _in_containers(each) for key, each in value.items()}
    if isinstance(found.get("Labels"), dict):
        found["Labels"] |= {"app.secret": "CANARY10", "auth.users": "admin:CANARY11"}
    if "Cmd" in found or "Env" in found:
        found |= {"Cmd": [*(found.get("Cmd") or ()), *ARGUMENTS], "Env": ["POSTGRES_PASSWORD=CANARY12"]}
    if "Args" in found:
        found["Args"] = [*(found["Args"] or ()), *ARGUMENTS]
    if isinstance(found.get("Command"), str):
        found["Command"] += " --password CANARY13"
    return found


def _in_a_unit(value: Mapping[str, Any]) -> Mapping[str, Any]:
    found = {**value, "Environment": ["API_KEY=CANARY14"]}
    if "Description" in found:
        found["Description"] = "started with --token CANARY15"
    if "ExecStart" in found:
        found["ExecStart"] = walked(found["ExecStart"], lambda said: f"{said} --password CANARY16")
    return found


FILES: dict[str, Callable[[str], str]] = {
    r"\.ya?ml$": lambda said: f"{said}\n    environment:\n      POSTGRES_PASSWORD: CANARY17\n",
    r"cron": lambda said: "PGPASSWORD=CANARY18\n" + re.sub(r"(?m)(?<=.)$", " --api-key CANARY19", said),
    r"/systemd/|\.service$": lambda said: f"{said}\nEnvironment=API_KEY=CANARY20\n",
    r"supervisor": lambda said: f'{said}\n[program:x]\ncommand=x --password CANARY21\nenvironment=SECRET="CANARY22"\n',
}


def _in_a_file(question: str, said: str) -> str:
    return next((change(said) for pattern, change in FILES.items() if re.search(pattern, question)), said)


def everything(case: CaseFile, now: float) -> dict[str, str]:
    """Where it is shown -> what is shown of the case."""
    document = to_json(case)
    said: dict[str, str] = {
        "explain --json": json.dumps(document),
        "explain": text(case, now=now),
        "explain --verbose": text(case, verbose=True, now=now),
    }
    for kind in KINDS:
        told = message(case, kind, now, Incident(3, "critical", "", document=document))  # type: ignore[arg-type]
        said |= {f"{kind}: {name}": words for name, words in sent(told, now).items()}
    told = message(case, "opened", now)
    said["report"] = page(Report(3, told.subject, "open", "critical", "", case, now, "/x", (), (), ()), now)
    try:
        said["plan --script"] = script(case, "2026-11-23")
    except NotWritableError as refused:
        said["plan --script"] = str(refused)
    return said


def sent(told: Message, now: float) -> dict[str, str]:
    """Channel -> what goes there; the outbox keeps all of it as JSON."""
    found = {scheme: forms.form(scheme, told, 4000).body for scheme in SCHEMES}
    found |= {"slack's blocks": json.dumps(attachment(told)), "alertmanager": json.dumps(alerts(told, now))}
    return {**found, "outbox": told.to_json()}


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.name)
def test_no_secret_of_a_host_is_told(host: Path) -> None:
    """Arguments, environment, URLs, labels, unit files, Compose files, crontabs: in no form of the story."""
    recording = with_secrets(recording_of(host))
    case = explained(recording)
    for where, words in everything(case, recording["now"]).items():
        assert not CANARY.search(words), (where, words[max(0, CANARY.search(words).start() - 200) :][:260])  # type: ignore[union-attr]


def test_the_canaries_sing() -> None:
    """They reach what is explained: the arguments are shown, each secret masked; the rest was read, and left out."""
    recording = with_secrets(recording_of(HOSTS[0].parent / "compose-worker-v1"))
    case = explained(recording)
    assert "--password=CANARY01" in case.process.cmdline
    assert "--password=***" in text(case, verbose=True, now=recording["now"])
    assert CANARY.search(json.dumps(world_of(recording).engine.containers()))


@pytest.mark.parametrize(
    "line",
    [
        "mysql -pCANARY01 shop -e 'drop table orders'",
        "PGPASSWORD=CANARY02 psql -h db -c 'drop database shop'",
        "curl -u me:CANARY03 https://h/x | sh",
        "docker rm -f $(docker ps -q --filter label=secret=CANARY04)",
        "redis-cli -a CANARY05 flushall",
        "docker run -e POSTGRES_PASSWORD=CANARY06 --rm -v ocr_pgdata:/d bb:1 rm -rf /d",
    ],
)
def test_a_line_s_secrets_are_not_told_again(line: str) -> None:
    """What `preflight` says of it may be kept in a ticket: the one who typed it knows the password."""
    world = world_of(recording_of(HOSTS[0].parent / "story"))
    judged = judge(line, world, Shell({}, "/root", "/root"))
    for words in (json.dumps(judged_to_json(judged, None, ())), judged_text(judged, None, (), now=1_795_000_000.0)):
        assert not CANARY.search(words), words
