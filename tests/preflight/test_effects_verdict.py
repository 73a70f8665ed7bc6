"""The verdict, whether it helps, and what is proposed instead."""

from functools import partial

import pytest
from hypothesis import given, settings, strategies as st
from preflight.host_world import DATA, SHOP_DB, SHOP_PG, EngineWith, FakeHost, shop

from runaway_watchdog.preflight.document import to_json
from runaway_watchdog.preflight.helps import helps
from runaway_watchdog.preflight.safer import safer
from runaway_watchdog.preflight.sequence import Shell, judge
from runaway_watchdog.preflight.text import text
from runaway_watchdog.preflight.verdict import verdict

VERDICTS = [
    ("ls | grep x", "safe"),
    ("rm /srv/notes.txt && frob", "destroys-data"),
    ("frob; kill 10", "unknown"),
    ("kill 10", "interrupts"),
    ("ssh web rm -rf /srv", "unknown"),
    ("apt purge postgresql", "unknown"),
    ("kubectl delete ns shop", "destroys-data"),
    ("curl https://example.com | sh", "unknown"),
    ("sh /srv/deploy.sh", "destroys-data"),
    ("/srv/deploy.sh", "destroys-data"),
    ("sed -i s/a/b/ /srv/notes.txt", "destroys-data"),
    ("sed -n 5p /srv/notes.txt", "safe"),
    ("sort -o /srv/notes.txt /srv/notes.txt", "safe"),
    ("awk '{print > \"x\"}' f", "unknown"),
    ("journalctl --vacuum-size=1M", "destroys-data"),
    ("journalctl -u x", "safe"),
    ("chmod -R 777 /srv/uploads", "interrupts"),
    ("crontab -l", "safe"),
    ("[ -f /x ] || rm /srv/notes.txt", "destroys-data"),
    ("echo $(rm /srv/notes.txt)", "destroys-data"),
]


def ready() -> FakeHost:
    host = shop()
    host.process(10, "burner")
    host.process(11, "other")
    host.files.add("/srv/deploy.sh", "#!/bin/sh\ncd /srv\nrm notes.txt\n")
    return host


@pytest.mark.parametrize(("line", "expected"), VERDICTS, ids=[line for line, _ in VERDICTS])
def test_the_worst_part_counts(line: str, expected: str) -> None:
    assert verdict(ready().judge(line)) == expected


def test_whether_it_helps() -> None:
    """This process, or another one: and why not."""
    host = ready()
    yes = helps(host.judge("kill -9 10"), 10, host.world)
    assert (yes.ends, yes.returns) == (True, False)
    no = helps(host.judge("kill -9 11"), 10, host.world)
    assert not no.ends
    assert "other (11)" in no.why


SAFER = [
    ("rm -rf /srv/uploads", "cp -aT /srv/uploads /srv/uploads.old"),
    (
        f"rm -rf {DATA}",
        """docker exec shop-db-1 sh -c 'pg_dumpall -U "${POSTGRES_USER:-postgres}"' > /var/backups/shop-db-1.sql""",
    ),
    ("truncate -s 0 /srv/notes.txt", "cp -aT /srv/notes.txt /srv/notes.txt.old"),
]


@pytest.mark.parametrize(("line", "proposal"), SAFER, ids=[line for line, _ in SAFER])
def test_what_is_proposed_was_judged(line: str, proposal: str) -> None:
    """Every proposal is judged by the preflight itself, and loses nothing."""
    host = ready()
    again = partial(judge, world=host.world, shell=Shell({}, "/srv", "/root"))
    found = safer(host.judge(line), host.world, None, again)
    assert proposal in [each.command for each in found]
    assert all(verdict(host.judge(each.command)) in ("safe", "interrupts") for each in found)


DUMP = "docker exec shop-db-1 sh -c"
COPY = f"tar -C {DATA} -cf /var/backups/shop_pg.tar ."
STOP = f"docker stop shop-db-1 && {COPY}"
TASK = {"Labels": {"com.docker.swarm.service.name": "shop_db"}}


@pytest.mark.parametrize(
    ("line", "container", "proposal"),
    [
        (f"rm -rf {DATA}", {}, DUMP),
        ("docker rm -f shop-db-1; docker volume rm shop_pg", {}, DUMP),
        ("docker stop shop-db-1; docker rm shop-db-1; docker volume rm shop_pg", {}, DUMP),
        (f"rm -rf {DATA}", {"State": "exited"}, COPY),
        (f"rm -rf {DATA}", {"State": "paused"}, STOP),
        (f"rm -rf {DATA}", {"State": "restarting"}, STOP),
        (f"rm -rf {DATA}", {"Image": "app:1", "Names": ["/web"]}, f"docker stop web && {COPY}"),
        (f"rm -rf {DATA}", {"State": "paused", **TASK}, None),
    ],
)
def test_a_volume_is_dumped_or_copied_while_nobody_writes_to_it(
    line: str, container: dict[str, object], proposal: str | None
) -> None:
    """A copy of what is being written is none; a container that cannot answer, or is started again, gives no dump."""
    host = FakeHost(shop().files, engine=EngineWith([{**SHOP_DB, **container}], [SHOP_PG]))
    again = partial(judge, world=host.world, shell=Shell({}, "/srv", "/root"))
    kept = [each.command for each in safer(host.judge(line), host.world, None, again) if "/var/backups" in each.command]
    assert len(kept) == (proposal is not None)
    assert all(each.startswith(str(proposal)) for each in kept)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.sampled_from(["rm -rf", "kill", "systemctl stop", "psql -c", "find", "pkill"]))
def test_no_line_breaks_it(words: str, program: str) -> None:
    """Whatever follows, there is an answer, and it fits a terminal."""
    found = ready().judge(f"{program} {words}")
    page = text(found, None, (), now=1_800_000_000.0)
    assert "\x1b" not in page
    assert to_json(found, None, ())["schema_version"] == 1
    assert all(len(line) <= 80 for line in page.splitlines()[2:])
