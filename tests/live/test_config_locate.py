"""Which files count, where the store is, what a channel is called, and the sample that cannot drift."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from runaway_watchdog.alerts.urls import url_problem
from runaway_watchdog.config.labels import channel_labels, shown_host
from runaway_watchdog.config.load import load
from runaway_watchdog.config.locate import Surroundings, config_files, merge, read_raw, store_path, store_to_read
from runaway_watchdog.config.sample import sample
from runaway_watchdog.config.schema import Rule

ROOT = Path(__file__).parents[2]
SECRET = "HUNTER2"


def around(root: Path, uid: int = 0, **env: str) -> Surroundings:
    return Surroundings(env, uid, root / "home/ana", root)


def put(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_system_file_comes_before_the_users(tmp_path: Path) -> None:
    """Those that exist, in the order in which the later one wins; --config alone replaces both."""
    here = around(tmp_path)
    assert config_files(None, here) == ()
    mine = put(here.user_file)
    assert config_files(None, here) == (mine,)
    system = put(tmp_path / "etc/runaway-watchdog/config.toml")
    assert config_files(None, here) == (system, mine)
    assert config_files(Path("x.toml"), here) == (Path("x.toml"),)


def test_raw_files_are_merged_and_gaps_told(tmp_path: Path) -> None:
    """A reading command goes on with what it could read, and says what it could not."""
    first = put(tmp_path / "a.toml", "[store]\npath = '/a'\nkeep = '1d'\n")
    second = put(tmp_path / "b.toml", "[store]\npath = '/b'\n")
    broken = put(tmp_path / "c.toml", "[")
    raw, gaps = read_raw((first, second, broken, tmp_path / "none"))
    assert raw == {"store": {"path": "/b", "keep": "1d"}}
    assert [gap.problem for gap in gaps] == [
        f"{broken} is not valid TOML",
        f"{tmp_path / 'none'}: No such file or directory",
    ]


def test_merge_replaces_lists_and_leaves_its_arguments_alone() -> None:
    """Lists are not appended: a later file's rules are all the rules."""
    earlier = {"rule": [1, 2], "a": {"x": 1, "y": 2}}
    assert merge(earlier, {"rule": [3], "a": {"y": 5}, "b": 1}) == {"rule": [3], "a": {"x": 1, "y": 5}, "b": 1}
    assert earlier == {"rule": [1, 2], "a": {"x": 1, "y": 2}}


def test_store_is_where_the_configuration_or_the_service_says(tmp_path: Path) -> None:
    """Configured path, then $STATE_DIRECTORY, then by who runs it."""
    raw = {"store": {"path": "/x/y.db"}}
    assert store_path(raw, around(tmp_path, STATE_DIRECTORY="/s")) == Path("/x/y.db")
    assert store_path({}, around(tmp_path, STATE_DIRECTORY="/s:/t")) == Path("/s/watchdog.db")
    assert store_path({}, around(tmp_path)) == tmp_path / "var/lib/runaway-watchdog/watchdog.db"
    assert store_path({}, around(tmp_path, 1000)) == tmp_path / "home/ana/.local/state/runaway-watchdog/watchdog.db"


def test_reading_commands_use_the_systems_store_when_there_is_one(tmp_path: Path) -> None:
    """An empty private store in its place would say that nothing ever happened here."""
    ana = around(tmp_path, 1000)
    assert store_to_read({}, ana) == store_path({}, ana)
    system = put(tmp_path / "var/lib/runaway-watchdog/watchdog.db")
    assert store_to_read({}, ana) == system
    assert store_to_read({"store": {"path": "/x.db"}}, ana) == Path("/x.db")


def test_reading_commands_import_no_pydantic() -> None:
    """`explain` must answer at once on a busy host: finding the store costs next to nothing."""
    code = "import sys, runaway_watchdog.config.locate; sys.exit('pydantic' in sys.modules or 'apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={}, check=False).returncode == 0


# --- labels ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("urls", "labels"),
    [
        (["mailto://me:pw@example.org?to=a@b.org"], ["mailto(example.org)"]),
        (["mailtos://me:p%2Fw@smtp.example.org:587/a@b.org"], ["mailtos"]),
        (["slack://a/b/c", "slack://d/e/f", "slack://g/h/i"], ["slack", "slack-2", "slack-3"]),
        (["json://localhost:8080/x", "json://127.0.0.1/x"], ["json(localhost)", "json(127.0.0.1)"]),
        ([f"discord://{SECRET}/{SECRET}", f"tgram://1:{SECRET}/2"], ["discord", "tgram"]),
        ([f"https://hooks.slack.com/services/{SECRET}"], ["https(hooks.slack.com)"]),
        ([SECRET, f"{SECRET}/x"], ["channel", "channel-2"]),
        ([f"json://me:{SECRET}", f"json://{SECRET}"], ["json", "json-2"]),
        ([f"mailto://me:{SECRET}/x@example.org", f"mailto://{SECRET}.{SECRET}#x@example.org"], ["mailto", "mailto-2"]),
    ],
)
def test_label_is_short_and_tells_no_secret(urls: list[str], labels: list[str]) -> None:
    """Scheme, and the host where there surely is one; numbered where that is not unique."""
    assert list(channel_labels(urls)) == labels


@given(st.lists(st.text(max_size=40)), st.lists(st.sampled_from(["slack://a", "json://h.org", "json://h.org/b"])))
def test_labels_are_unique_and_one_for_each_url(odd: list[str], plain: list[str]) -> None:
    """The outbox finds its channel by label alone."""
    labels = channel_labels([*odd, *plain])
    assert len(set(labels)) == len(labels) == len(odd) + len(plain)


def test_host_is_shown_for_services_that_have_one() -> None:
    """A token that looks like a host is no host."""
    assert shown_host("json://example.org:80/x") == "example.org"
    assert shown_host("slack://example.org/b/c") is None


# --- the sample ------------------------------------------------------------------------------------------------


def test_checked_in_sample_is_what_the_schema_gives() -> None:
    """config/config.toml is written by `python -m runaway_watchdog.config.sample`, never by hand."""
    assert (ROOT / "config/config.toml").read_text(encoding="utf-8") == sample()


def test_sample_changes_nothing(tmp_path: Path) -> None:
    """As shipped, every key is commented out: it means the defaults."""
    file = put(tmp_path / "config.toml", sample())
    assert (
        load((file,), env={}, cpus=1, url_problem=url_problem).config
        == load((), env={}, cpus=1, url_problem=url_problem).config
    )


def test_sample_is_valid_with_every_key_in_force(tmp_path: Path) -> None:
    """Whoever takes a # away gets a configuration that loads, and every key is there."""
    lines = [line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in sample().splitlines()]
    text = "\n".join(line for line in lines if line != "#")
    raw = tomllib.loads(text)
    assert set(raw) == {"sampling", "rule", "expect", "alerts", "store"}
    assert set(raw["rule"][0]) == {field.alias or name for name, field in Rule.model_fields.items()}
    file = put(tmp_path / "config.toml", text.replace("/etc/runaway-watchdog/alert-urls", str(tmp_path / "urls")))
    file.chmod(0o600)
    put(tmp_path / "urls").chmod(0o600)
    assert len(load((file,), env={}, cpus=1, url_problem=lambda _: None).urls) == 2
