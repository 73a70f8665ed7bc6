"""The guard's own judgement: the test of the words, what the shell hands over, holding, and the answers for agents."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.guard import hook, judge, typed
from runaway_watchdog.guard.decide import Ask, Hold, Pass, decide, unanswered
from runaway_watchdog.guard.dump import offer
from runaway_watchdog.guard.page import note, page, question
from runaway_watchdog.guard.words import PROGRAMS, suspicious
from runaway_watchdog.model.effect import EXIT_CODES


def lost(name: str, kind: str = "volume", **more: Any) -> dict[str, Any]:
    return {
        "verb": "delete", "type": kind, "name": name, "data_lost": True, "size_bytes": 2048, "size_is_at_least": True,
        "last_write": "2026-11-22T14:02:11+00:00", "used_by": ["shop-db-1"], "why": "down -v removes it",
    } | more  # fmt: skip


def document(*effects: dict[str, Any], verdict: str = "destroys-data", **more: Any) -> dict[str, Any]:
    return {
        "schema_version": 1, "command": "x", "verdict": verdict, "effects": list(effects), "helps": None, "safer": [],
        "unknown": [],
    } | more  # fmt: skip


def held(*effects: dict[str, Any], **more: Any) -> Hold:
    decision = decide(document(*effects, **more))
    assert isinstance(decision, Hold)
    return decision


@pytest.mark.parametrize(
    "line",
    [
        "rm -rf x", "sudo -u root /bin/rm x", "\\rm x", "r''m x", '"rm" x', "sh -c 'rm x'", "echo $(rm x)",
        "a|xargs rm",
        "docker compose down -v", "docker-compose -f a.yml down", "docker system prune -af", "podman volume rm x",
        "env A=b docker  volume\nprune", "systemctl stop x", "git clean -fdx", "git -C /srv reset --hard",
        "dd if=a of=b",
        "mkfs.ext4 /dev/sdb", "find . -name x -delete", "rsync -a --delete a b", "kill 1", "crontab -r", "x;reboot",
        "./perform.sh",
        "docker exec db psql -c 'drop table t'", "redis-cli flushall", "chown -hR root /", "sed -i s/a/b/ f",
    ],
)  # fmt: skip
def test_what_can_destroy_is_seen(line: str) -> None:
    """Wherever it stands, and however its name is quoted."""
    assert suspicious(line)


@pytest.mark.parametrize(
    "line",
    [
        "ls", "docker ps -a", "docker logs --tail 5 x", "docker compose ps", "systemctl status nginx", "git status",
        "git log -p", "cat /etc/passwd | grep x", "find . -name x", "rsync -a a b", "echo alarm",
        "farm x",
        "journalctl -u x", "curl https://x/rmx", "cd /srv/rm-old", "", "vim removed.txt",
    ],
)  # fmt: skip
def test_what_is_typed_all_day_is_not(line: str) -> None:
    """These start nothing."""
    assert not suspicious(line)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_integration_is_whole(shell: str) -> None:
    """Every program of the table is in it, and no mark is left to be filled."""
    done = subprocess.run(
        [sys.executable, "-m", "runaway_watchdog", "guard", shell], capture_output=True, text=True, check=True
    )
    assert all(name in done.stdout for name in PROGRAMS)
    assert not re.search("@[A-Z]+@", done.stdout)


def test_the_shell_hands_over_what_it_knows() -> None:
    """Variables first, quoted; aliases in place, only where a command begins and not within themselves."""
    told = "\0".join(
        ["sudo dc $V; dc ps | G", "alias:dc", "docker compose", "alias:sudo", "sudo ", "alias:G", "G -i", "set:V",
        "a 'b",
         "unset:N", "", "set:bad name", "x", ""]
    )  # fmt: skip
    line = typed.parse(told)
    assert line.to_judge() == "V='a '\"'\"'b'\nunset N\nsudo  docker compose $V; docker compose ps | G -i"


@pytest.mark.parametrize(
    ("line", "expanded"),
    [
        ("echo k; k", "echo k; kill"), ("'k' \\k \"k\"", "'k' \\k \"k\""), ("A=b k", "A=b kill"),
        ("if k; then k; fi", "if kill; then kill; fi"),
        ("> file k", "> file kill"), ("a && k\nk", "a && kill\nkill"), ("echo $(x) k", "echo $(x) k"), ("(k)",
        "(kill)"),
    ],
)  # fmt: skip
def test_aliases_stand_where_commands_begin(line: str, expanded: str) -> None:
    """As bash reads them (Aliases, in its manual)."""
    assert typed.with_aliases(line, {"k": "kill"}) == expanded


@given(
    st.text(st.characters(exclude_characters="\0"), max_size=200),
    st.dictionaries(st.text("abk;|", min_size=1, max_size=2), st.text(max_size=5), max_size=3),
)
def test_no_line_is_lost_on_the_way(line: str, aliases: dict[str, str]) -> None:
    """Whatever it holds: without its aliases it comes out as it went in, and with any it comes to an end."""
    assert typed.with_aliases(line, {"\0": "never"}) == line  # no shell takes a NUL
    typed.with_aliases(line, aliases)
    assert isinstance(suspicious(line), bool)


@pytest.mark.parametrize("text", ["", "line", "line\0alias:x\0", "line\0a\0b"])
def test_what_is_no_handover_is_refused(text: str) -> None:
    """It broke, and is told so: nothing is guessed."""
    with pytest.raises(ValueError, match="handed over"):
        typed.parse(text)


def test_one_thing_is_named() -> None:
    """Its name, exactly; a path also by its last part, an identifier also as Docker shortens it."""
    assert held(lost("shop_pgdata")).accepts(" shop_pgdata ")
    for wrong in ("", "y", "yes", "shop", "SHOP_PGDATA", "shop_pgdata x", "1 shop_pgdata"):
        assert not held(lost("shop_pgdata")).accepts(wrong)
    assert held(lost("/srv/a b/rows", "path")).accepts("rows")
    assert held(lost("/", "path")).accepts("/")
    assert not held(lost("/", "path")).accepts("")
    assert held(lost("0123456789ab" + "c" * 52)).accepts("0123456789ab")


def test_files_that_nothing_uses_are_told_and_not_held() -> None:
    """A guard that stops every `rm` is soon switched off; what is large, used, or not known to be unused is held."""
    idle = lost("/tmp/build", "path", in_use=False, used_by=[])
    decision = decide(document(idle, idle | {"name": "/tmp/notes"}))
    assert isinstance(decision, Pass)
    assert note(decision.idle).endswith("in nobody's use: /tmp/build (at least 2.0 KiB) and 1 more")
    asked = hook.answer(decision, feared=True)
    assert asked.permission == "ask", "an agent cannot know that its user wants to keep it"
    assert hook.without_asking(asked).permission == "allow"
    for other in ({"in_use": True}, {"in_use": None}, {"type": "volume"}, {"size_bytes": 1 << 30}):
        held(idle, idle | {"name": "/srv/other"} | other)
    doubtful = decide(document(idle, unknown=["what x does is not known"]))
    assert isinstance(doubtful, Pass)
    assert doubtful.cannot_judge == "what x does is not known"
    assert hook.answer(doubtful, feared=True).permission == "ask"


def test_several_are_counted_and_one_is_named() -> None:
    """The same thing lost twice is one thing."""
    hold = held(lost("a_data"), lost("b_data"), lost("a_data"), lost("kept") | {"data_lost": False})
    assert hold.accepts("2 b_data")
    assert not hold.accepts("b_data")
    assert not hold.accepts("3 b_data")
    assert not hold.accepts("2 kept")


@pytest.mark.parametrize("name", ["evil\u202ename", "x" * 400, "", "\x1b[31m"])
def test_a_name_that_nobody_can_type(name: str) -> None:
    """Then it is the number and the kind; what a terminal would obey is never shown."""
    hold = held(lost(name))
    assert hold.accepts("1 volume")
    assert not hold.accepts("")
    assert "1 volume" in hold.asks_for()
    shown = "\n".join(page(hold, f"rm {name}", colours=False, now=0))
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("verdict", ["safe", "interrupts"])
def test_what_loses_nothing_passes_silently(verdict: str) -> None:
    """Interruptions are the person's own business."""
    assert decide(document(verdict=verdict)) == Pass()


def test_what_cannot_be_judged_passes_and_says_why() -> None:
    """The first reason is enough for one line."""
    assert decide(document(verdict="unknown", unknown=["first", "second"])) == Pass("first")


@pytest.mark.parametrize(
    "broken",
    [{}, document(), document(verdict="fine"), document(lost("x"), effects=None), document({"data_lost": True})],
)
def test_a_document_that_is_not_whole_is_no_answer(broken: dict[str, Any]) -> None:
    """ValueError, which the guard tells as "cannot judge"."""
    with pytest.raises(ValueError, match=r"preflight|verdict"):
        decide(broken)


def test_the_page_tells_all_that_helps() -> None:
    """Name, size, last write, users, whether it helps, the dump, the safer line; no row over 80 but commands."""
    hold = held(
        lost("shop_pgdata"), *(lost(f"v{number}") for number in range(12)),
        helps={"pid": 3355, "ends": True, "returns": True, "why": "Docker starts it again"},
        safer=[{"command": "docker compose stop worker", "why": "it keeps every volume"}],
    )  # fmt: skip
    rows = page(hold, "docker compose down -v --token=hunter2hunter2", colours=False, now=1.8e9)
    told = "\n".join(rows)
    for words in (
        "these 13", "shop_pgdata", "at least 2.0 KiB", "last write", "used by shop-db-1", "and 5 more",
        "for a moment only",
        "PostgreSQL", "docker exec shop-db-1", "docker compose stop worker",
    ):  # fmt: skip
        assert words in told
    assert "hunter2" not in told
    assert all(len(row) <= 80 for row in rows if "docker exec" not in row)


def test_a_dump_is_offered_where_a_database_seems_to_be() -> None:
    """The command only where one container holds it; words alone where that would be a guess."""
    assert offer(held(lost("uploads", used_by=[])), "x") is None
    named = offer(held(lost("data", used_by=["shop-mariadb-1"])), "x")
    assert named is not None
    assert named.command is not None
    assert "mariadb-dump" in named.command
    two = offer(held(lost("pgdata", used_by=["a", "b"])), "x")
    assert two is not None
    assert two.command is None
    podmans = offer(held(lost("pgdata", used_by=["db"])), "podman volume rm -f pgdata")
    assert podmans is not None
    assert podmans.command is None


def test_the_dump_that_was_judged_is_shown_and_only_once() -> None:
    """Where the preflight proposes one: its file is not there yet, which nobody has looked at for another."""
    judged = """docker exec db sh -c 'pg_dumpall -U "${POSTGRES_USER:-postgres}"' > /var/backups/db.sql"""
    hold = held(lost("pgdata", used_by=["db"]), safer=[{"command": judged, "why": "it dumps it"}])
    rows = page(hold, "docker volume rm pgdata", colours=False, now=1.8e9)
    assert [row.strip() for row in rows if "pg_dumpall" in row] == [judged]
    assert "Safer:" not in rows


def answered(*words: str, text: str = "") -> tuple[int, Any, str]:
    done = subprocess.run(
        [sys.executable, "-m", "runaway_watchdog", "guard", "--check", *words],
        input=text, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},  # absolute: it goes to another folder
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_hook_is_told_no() -> None:
    """Blocked by the exit code; the reason names the loss, on standard error too."""
    asked = {"hook_event_name": "PreToolUse", "cwd": "/", "tool_input": {"command": "rm -rf etc"}}
    code, told, said = answered(text=json.dumps(asked))
    assert code == 2
    assert told["hookSpecificOutput"]["hookEventName"] == "PreToolUse"
    assert told["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert "path /etc" in told["hookSpecificOutput"]["permissionDecisionReason"]
    assert "path /etc" in said


def test_a_hook_keeps_its_own_rules_where_nothing_is_lost() -> None:
    """No decision: "allow" would switch off what its user has set."""
    code, told, said = answered(text='{"tool_input": {"command": "ls"}, "cwd": "/"}')
    assert (code, said) == (0, "")
    assert told == {"hookSpecificOutput": {"hookEventName": "PreToolUse"}}


def test_the_plain_form() -> None:
    """Allow, deny with names, and ask."""
    assert answered("--", "ls")[1]["permission"] == "allow"
    code, told, _ = answered(text='{"command": "rm -rf /etc"}')
    assert (code, told["permission"], told["names"]) == (2, "deny", ["path /etc"])
    assert answered("--", "make test")[1]["permission"] == "allow"
    code, told, _ = answered("--", "rm -rf $(curl -s https://x.example)")
    assert (code, told["permission"]) == (0, "ask")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{}",
        '{"tool_input": {}}',
        '{"command": 7}',
        '{"command": "ls", "cwd": "/nowhere"}',
        "[" * 9999,
    ],
)
def test_a_question_that_is_broken_blocks_nothing(text: str) -> None:
    """It is answered with "ask" and exit code 0."""
    code, told, _ = answered(text=text)
    assert code == 0
    assert "cannot judge" in json.dumps(told)
    assert "ask" in (told.get("permission"), told.get("hookSpecificOutput", {}).get("permissionDecision"))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import time; time.sleep(60)", "no answer within 3 s"),
        ("print('no json')", "failed"),
        ("print('{}')", "unknown format"),
        ('print(\'{"schema_version": 1, "verdict": "safe"}\'); exit(20)', "exits with 20"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "failed"),
    ],
)
def test_a_preflight_that_fails_is_not_an_answer(monkeypatch: pytest.MonkeyPatch, body: str, words: str) -> None:
    """Each way has its own words; the time limit is kept."""
    load = 0.0 if "sleep" in body else 500.0  # a host that crawls may take its time to start the others
    monkeypatch.setattr("os.getloadavg", lambda: (load, load, load))
    with pytest.raises(judge.NotJudgedError, match=words):
        judge.judge("rm x", [sys.executable, "-c", body])
    with pytest.raises(judge.NotJudgedError, match="cannot be started"):
        judge.judge("rm x", ["/nowhere/at-all"])


@pytest.mark.parametrize("verdict", EXIT_CODES)
def test_every_verdict_of_the_preflight_is_an_answer(verdict: str) -> None:
    """With the exit code that is its own."""
    body = f"import json; print(json.dumps({document(verdict=verdict)!r})); exit({EXIT_CODES[verdict]})"
    assert judge.judge("rm x", [sys.executable, "-c", body])["verdict"] == verdict


def test_the_time_limit_grows_with_the_load() -> None:
    """A host that crawls starts every program late; but nobody waits for ever."""
    assert judge.limit(0.5, 2) == 3
    assert judge.limit(6.0, 2) == 9
    assert judge.limit(500.0, 2) == 12


def test_an_answer_to_a_hook_has_its_form() -> None:
    """The event that it was asked for is told back."""
    asked = hook.request('{"hook_event_name": "BeforeTool", "tool_input": {"command": "x"}}')
    assert hook.cannot_judge("why").document(asked.event)["hookSpecificOutput"]["hookEventName"] == "BeforeTool"


def test_an_unknown_line_is_judged_by_its_risk() -> None:
    """Low passes in silence, high is asked about; an agent is asked too."""
    low = decide(document(verdict="unknown", unknown=["first"], risk="low"))
    assert low == Pass()
    assert hook.answer(low, feared=True).permission == "allow"
    high = decide(document(verdict="unknown", unknown=["first"], risk="high"))
    assert high == Ask("first")
    assert hook.answer(high, feared=False).permission == "ask"
    assert high.accepts(" run ")
    assert not high.accepts("yes")
    assert "first" in "\n".join(question(high, "a\nb", colours=False))


def test_no_answer_holds_what_is_feared() -> None:
    """A time limit never lets a known destroyer run."""
    assert unanswered("late", feared=True) == Ask("late", checked=False)
    assert unanswered("late", feared=False) == Pass("late")
    assert hook.answer(unanswered("late", feared=True), feared=True).permission == "ask"


def test_a_verdict_counts_though_its_explanation_hangs() -> None:
    """The first document is enough; a second one that was cut is left out."""
    first = 'print(\'{"schema_version": 1, "verdict": "safe", "n": 1}\\n{"schema\', flush=True); '
    hangs = "import signal, time; signal.signal(signal.SIGALRM, 0); signal.alarm(1); time.sleep(9)"
    assert judge.judge("rm x", [sys.executable, "-c", first + hangs])["n"] == 1
    both = 'print(\'{"schema_version": 1, "verdict": "safe"}{"schema_version": 1, "verdict": "safe", "n": 2}\')'
    assert judge.judge("rm x", [sys.executable, "-c", both])["n"] == 2


def test_the_page_shows_a_whole_script() -> None:
    """Each line on a row of its own, however many they are."""
    script = "\n".join(f"echo {number}" for number in range(40))
    rows = page(held(lost("x")), script, colours=False, now=0)
    assert [row.strip() for row in rows if row.startswith("  echo")] == script.splitlines()
