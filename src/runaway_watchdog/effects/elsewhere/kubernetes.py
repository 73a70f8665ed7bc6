"""kubectl and helm: what they delete in a cluster. Which cluster that is, their own configuration says."""

from collections.abc import Mapping

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import Arguments, of, shown
from runaway_watchdog.effects.subcommands import Grammar, Loss, judged
from runaway_watchdog.model.command import Command
from runaway_watchdog.model.effect import Effect
from runaway_watchdog.world import World

VALUED = (
    "-n --namespace --context --cluster --kubeconfig -f --filename -l --selector -o --output -c --container --tail "
    "--since --kube-context --replicas --field-selector -k --kustomize --grace-period --timeout --user -s --server "
    "--revision --version --values --set --as --cascade --sort-by -L --pod-selector"
)
RUNS_AGAIN = frozenset(
    ("pod", "pods", "po", "replicaset", "replicasets", "rs", "event", "events", "ev", "endpoints", "lease", "leases")
)
"""Kinds that a controller makes anew, or that hold nothing."""
KUBECTL = Grammar(
    reads=frozenset(
        [
            "get",
            "describe",
            "logs",
            "log",
            "top",
            "explain",
            "version",
            "cluster-info",
            "api-resources",
            "api-versions",
            "config",
            "auth",
            "diff",
            "events",
            "wait",
            "completion",
            "port-forward",
            "proxy",
            "plugin",
            "options",
            "help",
        ]
    ),
    works=frozenset(
        [
            "apply",
            "create",
            "run",
            "expose",
            "set",
            "edit",
            "annotate",
            "label",
            "patch",
            "autoscale",
            "rollout",
            "certificate",
            "cordon",
            "uncordon",
            "taint",
            "cp",
            "attach",
            "debug",
            "kustomize",
            "scale",
        ]
    ),
    valued=VALUED,
)
HELM = Grammar(
    reads=frozenset(
        [
            "list",
            "ls",
            "status",
            "history",
            "hist",
            "get",
            "show",
            "inspect",
            "search",
            "template",
            "lint",
            "version",
            "env",
            "help",
            "verify",
            "completion",
            "dependency",
            "dep",
            "repo",
            "plugin",
            "registry",
            "pull",
            "fetch",
        ]
    ),
    works=frozenset(["install", "upgrade", "rollback", "test", "create", "package", "push"]),
    destroys=dict.fromkeys(
        ("uninstall", "delete", "del", "un"), Loss("host", "the release and what it keeps in the cluster are deleted")
    ),
    valued=VALUED,
)
_WRAPPED: Mapping[str, int] = {"microk8s": 1, "k3s": 1, "minikube": 1}


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of kubectl or helm deletes."""
    if command.program in _WRAPPED and len(command.words) > 1:
        command = command._replace(words=tuple(word for word in command.words[1:] if word.text != "--"))
    if command.program in ("helm", "helm3"):
        return judged(HELM, command, host)
    words = of(command, VALUED)
    verb = words.texts[0] if words.texts else ""
    if any(value in ("client", "server", None) for name, value in words.options if name == "--dry-run"):
        return Outcome((), host)
    if verb == "delete":
        return _deleted(words, command, host)
    if verb == "drain" and words.has("--delete-emptydir-data", "--delete-local-data"):
        return _gone(" ".join(words.texts[1:]), "what its pods keep on that node is deleted", host)
    ends = words.operands[1:]
    if verb in ("cp", "rsync") and len(ends) == 2 and ":" in (ends[0].text or "") and ":" not in (ends[1].text or ""):
        from runaway_watchdog.effects.host import unpackers

        # A folder's files come into the target itself; a file comes only as one, never into a folder.
        return unpackers.fetched([None], ends[1], command, host, world)
    if (verb == "replace" and words.has("--force")) or (verb == "apply" and words.has("--prune")):
        return Outcome((), host, (f"what `{shown(command)}` deletes in the cluster is not looked up",))
    return judged(KUBECTL, command, host)


def _deleted(words: Arguments, command: Command, host: HostState) -> Outcome:
    """`delete TYPE NAME…`, `delete TYPE/NAME`, `delete -f FILE`, `delete TYPE --all`."""
    operands = words.operands[1:]
    files = [value for name, value in words.options if name in ("-f", "--filename", "-k", "--kustomize")]
    if any(word.text is None for word in operands) or None in files:
        return Outcome((), host, (f"what `{shown(command)}` deletes is only known when it runs",))
    kinds = {kind for word in operands[:1] for kind in (word.text or "").partition("/")[0].split(",")}
    texts = [word.text or "" for word in operands]
    names = " ".join(texts) if operands else ", ".join(f"what {each} declares" for each in files)
    if kinds and kinds <= RUNS_AGAIN:
        why = "it ends in the cluster; what it keeps outside of volumes goes with it, and its controller starts another"
        return Outcome((Effect("remove", "container", names, False, why),), host)
    if not names:
        return Outcome((), host)
    return _gone(names, "it is deleted in the cluster, with what belongs to it", host)


def _gone(name: str, why: str, host: HostState) -> Outcome:
    return Outcome((Effect("delete", "host", f"in the cluster: {name}", True, why),), host)
