"""Another root's file system: links in it never lead to the host."""

from pathlib import Path

from runaway_watchdog.world.filesystem import LiveFiles
from runaway_watchdog.world.inside import Inside


def test_an_absolute_link_stays_inside(tmp_path: Path) -> None:
    """Debian's /var/run is one: below a container's root it must not become the host's."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run/here").write_text("inside")
    (tmp_path / "var").mkdir()
    (tmp_path / "var/run").symlink_to("/run")
    (tmp_path / "var/up").symlink_to("../../../../../etc")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("mine")
    view = Inside(LiveFiles(), str(tmp_path))
    assert view.read("/var/run/here") == "inside"
    assert view.path("/var/run/here") == f"{tmp_path}/run/here"
    assert view.read("/var/up/hostname") == "mine"
    assert view.names("/var/run") == ["here"]
    assert view.exists("/var/run/here")
    assert not view.exists("/var/run/nothing")
    assert view.glob("/var/run/h*") == ["/var/run/here"]


def test_the_host_itself_is_read_as_it_is(tmp_path: Path) -> None:
    """No root: paths are those of the host."""
    (tmp_path / "file").write_text("x")
    assert Inside(LiveFiles()).read(f"{tmp_path}/file") == "x"
