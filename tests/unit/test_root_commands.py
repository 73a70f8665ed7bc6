"""What the commands of a plan name for root, and what becomes of a plan that names what others can change."""

from typing import cast

import pytest
from support.builders import make_process
from support.made_world import made_world
from support.owned import owned

from runaway_watchdog.explain import root_commands
from runaway_watchdog.model.gap import Gap
from runaway_watchdog.model.plan import ByEye, Containment, Prints, Step
from runaway_watchdog.world import Ownership, Unanswered
from runaway_watchdog.world.ownership import Holders

BOB = Holders((1000,))
WORLD = made_world((), users={1000: "bob"})._replace(
    ownership=owned({"/home/bob": BOB, "/tmp": Holders((), anyone=True)})
)
STOP = Step("Stop it", "supervisorctl stop x", "it ends", "interrupts", "supervisorctl start x", ByEye("it is gone"))


@pytest.mark.parametrize(
    ("command", "named"),
    [
        ("supervisorctl -c /home/bob/s.conf stop web", {"/home/bob/s.conf"}),
        ("/home/bob/bin/supervisorctl stop web", {"/home/bob/bin/supervisorctl"}),
        ("x --config=/home/bob/c", {"/home/bob/c"}),
        ("env PATH=/home/bob/bin:$PATH pm2 stop 0", {"/home/bob/bin", "/home/bob/bin:$PATH"}),
        ("circusctl --endpoint 'ipc:///srv/my apps/s' stop x", {"/srv/my", "/srv/my apps/s"}),
        ("circusctl --endpoint ipc:///home/bob/sock stop x", {"/home/bob/sock"}),
        ("docker -H unix:///run/user/1000/docker.sock stop x", {"/run/user/1000/docker.sock"}),
        ("kill -CONT 7 2>/dev/null; touch '/home/bob/a b/down'", {"/dev/null", "/home/bob/a b/down"}),
        ('cat "/home/bob/$x" | tee -a /root/copy', {"/home/bob/$x", "/root/copy"}),
        ('case "$(cat /home/bob/f | sha256sum)" in ab*) cp /root/f /home/bob/f;; esac', {"/home/bob/f", "/root/f"}),
        ("sh -c 'cat /home/bob/x >/etc/y'", {"/home/bob/x", "/etc/y", "/home/bob/x >/etc/y"}),
        ("if ! test -e /home/bob/x; then { rm /etc/y; }; fi", {"/home/bob/x", "/etc/y"}),
        # As the user: what it is given is the user's; what the shell opens for it is root's.
        ("runuser -u bob -- supervisorctl -c /home/bob/s.conf stop web", set()),
        ("runuser -u bob -- tee /home/bob/f </home/bob/g >/home/bob/h", {"/home/bob/g", "/home/bob/h"}),
        ('runuser -u bob -- sh -c "$(cat /home/bob/x)"', {"/home/bob/x"}),
        ("runuser -u bob -- true && touch /home/bob/x", {"/home/bob/x"}),
        ("runuser -u root -- touch /home/bob/x", {"/home/bob/x"}),
        ("! runuser -l bob -c 'cat /home/bob/x'", set()),
        ("systemctl --user -M bob@ enable /home/bob/x.service", set()),
        ("systemctl enable /home/bob/x.service", {"/home/bob/x.service"}),
        ("docker exec 903956a391b0 /home/bob/x -c /home/bob/y", set()),
        # Text, and what the kernel writes.
        ("pkill -TERM -fx -- '/home/bob/burn 1'", set()),
        ("echo /home/bob/x >/etc/y", {"/etc/y"}),
        ("sed 's/.*) //' </proc/77/stat", set()),
        ("cat /proc/77/root/etc/x", {"/proc/77/root/etc/x"}),
        ("sed '2s/^/# held: /' /root/copy", {"/root/copy"}),
        (r"touch /home/bob\;x", {"/home/bob;x"}),
    ],
)
def test_what_a_command_names_for_root(command: str, named: set[str]) -> None:
    """Arguments, redirections, scripts within; not what a user, a container or a pattern is given."""
    assert set(root_commands.paths(command)) == named


def test_a_long_command_is_read_in_linear_time() -> None:
    """A name may be a megabyte long."""
    for piece in ("/a=", "$(", "'", '"', "\\", "( ", "x=/"):
        root_commands.paths(piece * 20_000)


def test_what_root_can_rely_on_stays_as_it_is() -> None:
    """The plan of an honest host."""
    containment = Containment("Stop it for good", (STOP,))
    assert root_commands.only_roots(containment, make_process(), WORLD) is containment


@pytest.mark.parametrize("path", ["/home/bob/x", "/tmp/x"])
@pytest.mark.parametrize("place", ["command", "undo", "check"])
def test_else_the_process_is_only_held_still(place: str, path: str) -> None:
    """Whether the step, its undo or its check names it; and why is said."""
    step = STOP._replace(check=Prints(f"cat {path}", ("x",))) if place == "check" else STOP
    step = step._replace(command=f"touch {path}") if place == "command" else step
    step = step._replace(undo=f"rm {path}") if place == "undo" else step
    found = root_commands.only_roots(Containment("Stop it for good", (STOP, step)), make_process(), WORLD)
    assert [each.title for each in found.steps] == ["Freeze it"]
    assert path in found.goal
    assert ("bob" if "home" in path else "any user") in found.goal


def test_nothing_is_done_as_a_number() -> None:
    """A uid without a login."""
    step = STOP._replace(command="runuser -u 4711 -- setsid -w env supervisorctl stop x")
    found = root_commands.only_roots(Containment("Stop it for good", (step,)), make_process(), WORLD)
    assert [each.title for each in found.steps] == ["Freeze it"]
    assert "no login" in found.goal


def test_what_cannot_be_told_is_not_relied_on() -> None:
    """No answer is not "root's"."""

    class Silent:
        def of(self, _path: str) -> Holders:
            raise Unanswered(Gap("ownership", "it does not answer", "look"))

    world = WORLD._replace(ownership=cast(Ownership, Silent()))
    step = STOP._replace(command="touch /etc/x")
    found = root_commands.only_roots(Containment("Stop it for good", (step,)), make_process(), world)
    assert [each.title for each in found.steps] == ["Freeze it"]
