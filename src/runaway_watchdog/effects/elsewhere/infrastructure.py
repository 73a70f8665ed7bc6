"""terraform, pulumi, vagrant and their kin: what they take down."""

from collections.abc import Mapping

from runaway_watchdog.effects import HostState, Outcome
from runaway_watchdog.effects.arguments import of, shown
from runaway_watchdog.effects.elsewhere import downloads
from runaway_watchdog.effects.subcommands import Grammar, Loss, destroyed, judged
from runaway_watchdog.model.command import Command
from runaway_watchdog.world import World

VALUED = "-chdir --chdir -s --stack -C --cwd -target -var -var-file --target --name -n --profile -p --stage --config -f"


def _all(what: str) -> Loss:
    return Loss("host", "it is taken down with all that it keeps", what, operands=False)


_TERRAFORM_READS = (
    "plan,show,output,validate,fmt,version,providers,graph,console,get,init,login,logout,metadata,test,help,"
    "state list,state show,state pull,workspace list,workspace show,workspace select"
)
_TERRAFORM_WORKS = "apply,import,refresh,taint,untaint,force-unlock,workspace,state,run-all"
TERRAFORM = Grammar(
    frozenset(_TERRAFORM_READS.split(",")),
    frozenset(_TERRAFORM_WORKS.split(",")),
    {
        "destroy": _all("what this terraform folder manages"),
        "run-all destroy": _all("what these folders manage"),
        "state rm": Loss("host", "terraform forgets it", lost=False),
        "workspace delete": Loss("host", "its state is deleted"),
    },
    VALUED,
    (),
)
TABLE: Mapping[str, Grammar] = {
    **dict.fromkeys(("terraform", "tofu", "terragrunt"), TERRAFORM),
    "pulumi": Grammar(
        frozenset(["preview", "whoami", "version", "stack", "config", "about", "logs", "console", "plugin"]),
        frozenset(["up", "update", "refresh", "login", "logout", "new", "install", "watch"]),
        {
            "destroy": _all("what this stack manages"),
            "down": _all("what this stack manages"),
            "stack rm": Loss("host", "the stack and its history are deleted", "this stack"),
        },
        VALUED,
    ),
    **dict.fromkeys(
        ("cdk", "cdktf", "sst", "copilot"),
        Grammar(
            frozenset(["list", "ls", "diff", "synth", "doctor", "docs", "version"]),
            frozenset(["deploy", "bootstrap", "init", "watch", "dev"]),
            {
                "destroy": _all("what this application manages"),
                "remove": _all("what this application manages"),
                "app delete": _all("this application"),
            },
            VALUED,
        ),
    ),
    **dict.fromkeys(
        ("serverless", "sls"),
        Grammar(
            frozenset(["info", "logs", "print", "metrics"]),
            frozenset(["deploy", "invoke", "package", "offline"]),
            {"remove": _all("what this service deployed")},
            VALUED,
        ),
    ),
    "vagrant": Grammar(
        frozenset(["status", "global-status", "ssh", "port", "ssh-config", "version", "validate", "list-commands"]),
        frozenset(
            [
                "up",
                "halt",
                "reload",
                "resume",
                "suspend",
                "provision",
                "init",
                "box",
                "plugin",
                "package",
                "snapshot",
                "rsync",
            ]
        ),
        {
            "destroy": _all("the machines of this Vagrantfile"),
            "box remove": Loss("host", "it is deleted", lost=False),
            "snapshot delete": Loss("host", "the snapshot is deleted"),
        },
        VALUED,
    ),
    **dict.fromkeys(
        ("kind", "minikube", "k3d", "ctlptl"),
        Grammar(
            frozenset(["get", "list", "status", "version", "logs", "profile", "ip", "dashboard", "help"]),
            frozenset(
                [
                    "create",
                    "start",
                    "stop",
                    "load",
                    "import",
                    "image",
                    "addons",
                    "config",
                    "kubectl",
                    "export",
                    "build",
                    "tunnel",
                    "ssh",
                ]
            ),
            {
                "delete": _all("the cluster on this host, with its volumes"),
                "delete cluster": _all("the cluster on this host, with its volumes"),
                "cluster delete": _all("the cluster on this host, with its volumes"),
            },
            VALUED,
        ),
    ),
    **dict.fromkeys(
        ("lxc", "incus"),
        Grammar(
            frozenset(
                [
                    "list",
                    "ls",
                    "info",
                    "console",
                    "monitor",
                    "config",
                    "image",
                    "version",
                    "remote",
                    "profile",
                    "network",
                    "storage",
                ]
            ),
            frozenset(
                [
                    "launch",
                    "init",
                    "start",
                    "stop",
                    "restart",
                    "exec",
                    "file",
                    "copy",
                    "move",
                    "pause",
                    "publish",
                    "snapshot",
                    "restore",
                    "rename",
                ]
            ),
            {
                "delete": Loss("container", "the instance and its disk are deleted"),
                "rm": Loss("container", "the instance and its disk are deleted"),
                "storage delete": Loss("volume", "the pool is deleted"),
                "storage volume delete": Loss("volume", "the volume is deleted"),
            },
            VALUED,
        ),
    ),
    "virsh": Grammar(
        frozenset(
            [
                "list",
                "dominfo",
                "domstate",
                "dumpxml",
                "net-list",
                "pool-list",
                "vol-list",
                "version",
                "nodeinfo",
                "domblklist",
            ]
        ),
        frozenset(
            [
                "start",
                "shutdown",
                "reboot",
                "suspend",
                "resume",
                "define",
                "edit",
                "console",
                "destroy",
                "autostart",
                "attach-disk",
            ]
        ),
        {
            "undefine": Loss("host", "the machine's definition is deleted, with --remove-all-storage its disks too"),
            "vol-delete": Loss("volume", "the volume is deleted"),
            "vol-wipe": Loss("volume", "the volume is overwritten"),
            "pool-delete": Loss("volume", "the pool is deleted"),
            "snapshot-delete": Loss("host", "the snapshot is deleted"),
            "snapshot-revert": Loss("host", "what was written since is lost"),
        },
        VALUED,
    ),
    **dict.fromkeys(
        ("qm", "pct"),
        Grammar(
            frozenset(["list", "status", "config", "showcmd", "pending", "listsnapshot"]),
            frozenset(
                [
                    "start",
                    "stop",
                    "shutdown",
                    "reboot",
                    "create",
                    "clone",
                    "migrate",
                    "set",
                    "snapshot",
                    "resume",
                    "suspend",
                    "enter",
                    "exec",
                ]
            ),
            {
                "destroy": Loss("host", "the machine and its disks are deleted"),
                "rollback": Loss("host", "what was written since the snapshot is lost"),
                "delsnapshot": Loss("host", "the snapshot is deleted"),
            },
            VALUED,
        ),
    ),
}


def effects(command: Command, host: HostState, world: World) -> Outcome:
    """What a command of this family takes down, or brings here."""
    if (found := downloads.brought(command, host, world)) is not None:
        return found
    grammar = TABLE[command.program or ""]
    if grammar is TERRAFORM:
        words = of(command, VALUED)
        if words.texts[:1] == ("apply",) and any("destroy" in word.raw for word in command.words[1:]):
            return destroyed(TERRAFORM.destroys["destroy"], (), command, host)
        if words.texts[:1] == ("apply",) and any(
            word.text in ("-auto-approve", "--auto-approve") for word in command.words
        ):
            return Outcome((), host, (f"what `{shown(command)}` replaces or takes down is not looked up",))
    return judged(grammar, command, host)
