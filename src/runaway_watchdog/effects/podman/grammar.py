"""The podman command's words: its subcommands under one name each, and the options that they take."""

from collections.abc import Mapping

from runaway_watchdog.model.command import Word

GLOBAL = (
    "--cgroup-manager S, --config S, --conmon S, -c --connection S, --events-backend S, --hooks-dir S, --identity S, "
    "--imagestore S, --log-level S, --module S, --network-cmd-path S, --network-config-dir S, --noout, --out S, "
    "-r --remote, --root S, --runroot S, --runtime S, --runtime-flag S, --ssh S, --storage-driver S, --storage-opt S, "
    "--syslog, --tmpdir S, --transient-store, --url S, --volumepath S, -v --version"
)
GROUPS = (
    "container", "image", "volume", "network", "system", "pod", "kube", "machine", "secret", "generate", "manifest",
    "play", "healthcheck",
)  # fmt: skip
READS = frozenset(
    (
        "container ls", "container inspect", "container logs", "container exists", "container top", "container port",
        "container stats", "container diff", "container wait", "image ls", "image inspect", "image exists",
        "image history", "image tree", "volume ls", "volume inspect", "volume exists", "volume export", "network ls",
        "network inspect", "network exists", "system df", "system info", "system events", "system connection",
        "pod ls", "pod inspect", "pod logs", "pod stats", "pod top", "pod exists", "version", "inspect", "search",
        "help", "healthcheck run", "generate systemd", "generate kube", "secret ls", "secret inspect",
        "image pull", "image push", "image tag", "image build", "volume create", "network create",
        "pod create", "login", "logout", "image load", "image import",
    )
)  # fmt: skip
"""They change nothing, or only add."""
SHORT_FORMS: Mapping[str, str] = {
    "ps": "container ls", "images": "image ls", "rmi": "image rm", "info": "system info", "events": "system events",
    "history": "image history", "build": "image build", "pull": "image pull", "push": "image push",
    "tag": "image tag", "save": "image save", "load": "image load", "import": "image import",
}  # fmt: skip
ALIASES: Mapping[str, str] = {"remove": "rm", "list": "ls", "ps": "ls"}


def subcommand(words: tuple[Word, ...]) -> tuple[str, tuple[Word, ...]] | None:
    """The subcommand's full name and the words after it: `podman rm x` is "container rm"; None where not known."""
    first = words[0].text
    if first is None or words[0].globbing:
        return None
    if first not in GROUPS:
        plain = ("version", "inspect", "search", "help", "login", "logout")
        return (first if first in plain else SHORT_FORMS.get(first, f"container {first}")), words[1:]
    if len(words) == 1:
        return "help", ()
    second = words[1].text
    if second is None or words[1].globbing:
        return None
    if second.startswith("-"):
        return ("help", ()) if second in ("--help", "-h") else (f"{first} {second}", words[2:])
    return f"{first} {ALIASES.get(second, second)}", words[2:]
