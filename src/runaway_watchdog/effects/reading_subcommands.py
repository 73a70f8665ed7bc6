"""Of programs that do their own work: the subcommands that only read, and those that delete."""

from collections.abc import Mapping
from typing import NamedTuple


class Subcommands(NamedTuple):
    """Sets of first words; `valued`: options that take a value and may stand before them."""

    reads: frozenset[str]
    works: frozenset[str] = frozenset()  # though a word in it sounds like deleting
    asks: frozenset[str] = frozenset()  # deletes what somebody may keep: of high risk
    valued: str = ""
    alone: bool = False  # without any word it only reads
    writes: tuple[str, ...] = ()  # options with which a file is written over: of high risk


def _of(
    reads: str, works: str = "", asks: str = "", valued: str = "", *, alone: bool = False, writes: str = ""
) -> Subcommands:
    told, done, asked = (frozenset(text.split()) for text in (reads, works, asks))
    return Subcommands(told, done, asked, valued, alone=alone, writes=tuple(writes.split()))


_PACKAGES_READ = (
    "list search show info policy depends rdepends madison changelog provides whatprovides repolist check check-update "
    "history deplist cache-show download help moo updateinfo group-list grouplist"
)
_PACKAGES_WORK = (
    "install update upgrade dist-upgrade full-upgrade safe-upgrade reinstall remove autoremove erase uninstall clean "
    "autoclean build-dep makecache localinstall downgrade distro-sync swap refresh dup in up rm se mark edit-sources "
    "source satisfy add del fix"
)
_PIP = _of("list show freeze check search index help config debug inspect", "install uninstall download wheel cache")
_NPM = _of(
    "ls list la ll outdated view info show search audit whoami ping root bin prefix help help-search doctor explain "
    "why config get fund licenses query docs repo bugs -v version",
    "install i ci add update upgrade up uninstall remove rm un r prune dedupe link unlink init create pack publish "
    "rebuild set cache exec x dlx run run-script test t start stop restart build dev lint login logout import "
    "store patch approve-builds clean clean-install global workspace workspaces",
    "unpublish deprecate",
    "--prefix -C --cwd --dir -w --workspace --filter -F --registry --loglevel --tag",
)
_SERVICE_MANAGER = _of(
    "status avail tail pid maintail version help list ls l logs log show describe desc info monit jlist prettylist env "
    "id ps fg summary",
    "start stop restart reload reread update add remove signal startOrReload gracefulReload scale save startup "
    "resurrect install set updatePM2 dump clear",
    "delete del kill flush shutdown cleardump unstartup stopall",
    "-c -s -u -p --lines -n",
    alone=True,
)
_DUMPS = _of("", valued="-f --file", writes="-f --file -r --result-file")
SUBCOMMANDS: Mapping[str, Subcommands] = {
    **dict.fromkeys(
        ("apt", "apt-get", "aptitude", "nala", "yum", "dnf", "zypper", "apk", "brew", "flatpak", "snap"),
        _of(
            f"{_PACKAGES_READ} find version versions connections changes tasks warnings services ps leaves deps "
            "doctor outdated config home desc cat remotes repos lr packages pa patterns lu",
            _PACKAGES_WORK
            + " start stop restart enable disable connect disconnect set get run alias tap untap cleanup link unlink "
            "pin unpin",
            "purge autopurge",
            "-t --target-release -o --option -c --config-file --repo --enablerepo --disablerepo",
        ),
    ),
    "apt-cache": _of("show showpkg search policy depends rdepends madison stats dump pkgnames unmet showsrc"),
    "apt-mark": _of("showauto showmanual showhold"),
    "apt-file": _of("search list find show", "update"),
    "dpkg-query": _of("", alone=True),
    "pip": _PIP,
    "pip3": _PIP,
    "pipx": _PIP,
    **dict.fromkeys(("npm", "yarn", "pnpm", "bun"), _NPM),
    "cargo": _of(
        "check tree search metadata version help --list doc audit outdated",
        "build b run r test t bench clean update "
        "install uninstall add remove rm publish fmt clippy fix new init vendor fetch package generate-lockfile",
    ),
    "rustup": _of("show which doc check completions", "update install default toolchain target component uninstall"),
    "go": _of("version env list doc vet help", "build test run install get mod clean generate fmt tool work fix"),
    "gem": _of(
        "list search info environment env which outdated contents dependency query specification help",
        "install update uninstall cleanup",
    ),
    "bundle": _of(
        "list show info outdated check config env help platform", "install update exec add remove clean lock cache"
    ),
    "composer": _of(
        "show info outdated search status validate licenses depends why why-not prohibits about diagnose fund help",
        "install update require remove dump-autoload clear-cache clearcache self-update create-project exec run "
        "run-script reinstall",
    ),
    "poetry": _of(
        "show check config env version search about", "install update add remove lock build run shell init new cache"
    ),
    "uv": _of("tree version help", "sync add remove lock run pip venv tool python cache init build"),
    "conda": _of(
        "list info search config", "install update upgrade create activate deactivate run clean remove init env"
    ),
    "nvm": _of("ls list current which ls-remote version", "install use alias uninstall"),
    "pyenv": _of("versions version which whence root commands", "install local global shell uninstall rehash"),
    "nerdctl": _of(
        "ps images info version logs inspect stats top port events history search help diff wait",
        "pull push build tag login logout load commit",
        valued="-n --namespace --address -a --snapshotter",
    ),
    "supervisorctl": _SERVICE_MANAGER,
    "pm2": _SERVICE_MANAGER,
    "monit": _SERVICE_MANAGER,
    "certbot": _of(
        "certificates plugins show_account",
        "renew certonly run install register enhance update_account",
        "delete revoke unregister rollback",
        "--cert-name -d --domains -m --email -w",
    ),
    "ufw": _of(
        "status show version app",
        "allow deny reject limit enable disable reload delete insert route logging default",
        "reset",
    ),
    "firewall-cmd": _of("", valued="--zone --permanent"),
    "fail2ban-client": _of("status ping version get banned", "set reload restart start stop unban"),
    "ip": _of(
        "",
        "addr a address link l route r ro neigh n rule netns tunnel maddr monitor",
        valued="-f -family -n -netns",
        alone=True,
    ),
    "ifconfig": _of("", alone=True),
    "iwconfig": _of("", alone=True),
    "route": _of("", alone=True),
    "arp": _of("", alone=True),
    "hostnamectl": _of("status", alone=True),
    "timedatectl": _of("status show list-timezones timesync-status", alone=True),
    "localectl": _of("status list-locales list-keymaps", alone=True),
    "resolvectl": _of("status query statistics dns", alone=True),
    "networkctl": _of("list status lldp", alone=True),
    "bootctl": _of("status list is-installed", alone=True),
    "loginctl": _of(
        "list-sessions list-users list-seats session-status user-status show-session show-user",
        "enable-linger disable-linger lock-session",
        "terminate-session terminate-user kill-session kill-user",
        alone=True,
    ),
    "coredumpctl": _of("list info", alone=True),
    "busctl": _of("list tree introspect status monitor", alone=True),
    "mount": _of("", alone=True),
    "swapon": _of("", alone=True),
    "nmcli": _of("general g device d dev radio r monitor", "connection c con", alone=True),
    "sysctl": _of(""),
    "openssl": _of(
        "rand version x509 s_client dgst verify speed ciphers passwd prime list asn1parse crl help",
        writes="-out",
        valued="-in -hex -connect -servername -CAfile -days -subj",
    ),
    **dict.fromkeys(("pg_dump", "pg_dumpall", "mysqldump", "mariadb-dump", "mongodump"), _DUMPS),
    **dict.fromkeys(
        (
            "pg_isready",
            "pg_lsclusters",
            "mysqlshow",
            "ldd",
            "nm",
            "readelf",
            "objdump",
            "jps",
            "jstack",
            "identify",
            "ffprobe",
            "mailq",
            "kubectx",
            "kubens",
            "stern",
            "modinfo",
        ),
        _of("", alone=True),
    ),
    "tmux": _of(
        "ls list-sessions lsw list-windows list-panes info show-options display-message attach a at attach-session "
        "new new-session",
        "kill-window killw kill-pane killp detach detach-client d send-keys send splitw split-window "
        "rename kill-session",
        "kill-server",
        "-L -S -f -s -n -t -c -x -y",
        alone=True,
    ),
    "gh": _of(
        "auth status browse search help version", "pr issue repo run workflow release gist api clone", "", "-R --repo"
    ),
    "ansible-galaxy": _of("list search info", "install init collection role"),
    "ansible-inventory": _of("", alone=True),
    "vault": _of("status read list print version", "login write kv token", "delete destroy"),
    "nginx": _of("", alone=False),
    "sshd": _of("", alone=False),
}
SHOWS: Mapping[str, tuple[str, ...]] = {
    "nginx": ("-t", "-T", "-v", "-V"),
    "sshd": ("-t", "-T"),
    "apachectl": ("-t", "-S", "-M"),
    "apache2ctl": ("-t", "-S", "-M"),
    "visudo": ("-c",),
    "dpkg": ("-l", "-L", "-s", "-S", "-p", "--list", "--status", "--listfiles", "--search", "--verify"),
    "rpm": ("-q", "-qa", "-ql", "-qi", "-V", "--query"),
    "pacman": ("-Q", "-Ss", "-Si"),
    "iptables": ("-L", "-S", "--list"),
    "ip6tables": ("-L", "-S", "--list"),
    "gpg": ("-k", "-K", "--list-keys", "--list-secret-keys", "--fingerprint", "--verify"),
    "sysctl": ("-a", "-n", "--all"),
    "passwd": ("-S", "--status"),
    "chage": ("-l", "--list"),
    "crontab": ("-l",),
    "smartctl": ("-a", "-i", "-H", "--all", "--info", "--health", "-x", "--scan"),
    "screen": ("-ls", "-list", "-r", "-x", "-S", "-d"),
    "swapon": ("-s", "--show"),
    "hdparm": ("-i", "-I", "-t", "-T"),
    "certbot": ("--dry-run",),
    "wg": ("show",),
    "java": ("-version",),
    "losetup": ("-a", "-l", "--list"),
}
"""Options with which such a program only tells."""
