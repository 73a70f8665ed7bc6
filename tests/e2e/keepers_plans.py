"""A plan for what a keeper runs, pasted and undone."""

from __future__ import annotations

import shlex

from e2e.keepers import carry_out, found, plan_of, running, undo
from e2e.rig.box import Box
from e2e.rig.workloads import Workload


def holds_over_a_restart(box: Box, work: Workload, wait_s: float, file: str = "", *, not_undone: str = "") -> None:
    """Carried out, it stays away for `wait_s`, and as long after a restart of its keeper; undone, it runs as before.

    `file` is one of the keeper's, and bears the same text then. A step whose command holds the words of `not_undone`
    is left alone.
    """
    before = box.read(file) if file else ""
    steps = plan_of(box, work.pid)
    carry_out(box, steps)
    for meanwhile in ("true", shlex.join(work.daemon_restart_argv)):
        box.run(f"{meanwhile} && sleep {wait_s}")
        assert running(box, work.name) == []
    undo(box, [step for step in steps if not not_undone or not_undone not in step["command"]])
    found(box, work.name)
    assert not file or box.read(file) == before
