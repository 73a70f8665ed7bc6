"""containerd's shims: each looks after a container, or after all those of a pod, and these are killed when it ends."""

from collections.abc import Mapping
from typing import Final

from runaway_watchdog.model.owner import Action, KindName, Outlook
from runaway_watchdog.model.process import Facts, Process
from runaway_watchdog.owners.common.ending import ending
from runaway_watchdog.owners.common.shells import base

NAME: Final = "containerd-shim"
ASK: Final[Mapping[KindName, str]] = {
    "kubernetes-pod": "kubectl get pods -A -o wide; or on this host: crictl inspectp {short}",
    "containerd-container": "ctr -n {namespace} task ls; or: nerdctl -n {namespace} inspect {name}",
}
"""How a person asks for what a shim looks after."""


def is_one(facts: Facts) -> bool:
    """Whether it is no process of a container, but a shim of this host."""
    process = facts.process
    return base(process.exe).startswith(NAME) and process.uid == 0 and len(process.namespace_pids) == 1


def argument(process: Process, option: str) -> str:
    words = process.cmdline
    return next((words[i + 1] for i, word in enumerate(words[:-1]) if word == option), "")


def outlook(name: str, facts: Facts, action: Action, asked: tuple[str, ...], *, pod: bool) -> Outlook:
    """Of a shim of what is called `name`, whose manager is not asked: `asked` says so."""
    if action == "owner-daemon-restart":
        return Outlook.goes_on(action, "likely", "containerd's shims, and what is in them, outlive its restart")
    if action in ("owner-stop", "reboot"):
        return Outlook.not_known(action, asked)
    what = f"pod {name}, whose containers are" if pod else f"container {name}, which is"
    why = f"it is the shim of {what} killed with it, without a shutdown"
    end = ending(facts.process, action)
    if end.how == "own":
        return Outlook.all_unknown(action, f"{end.why}; {why}")
    return Outlook.not_known(action, (end.reason, why, *asked))
