"""Which programs take a secret without saying so, and where in their words it stands."""

from typing import Final, NamedTuple


class Option(NamedTuple):
    """How a program takes a secret behind an option."""

    joined: bool = True  # -pSECRET
    beside: bool = True  # -p SECRET; `mysql -p NAME` names the database
    digits: bool = True  # whether a number may be the secret; `psql -p5432` is a port
    after: str = ""  # any of these marks stands before the secret: user:SECRET


BOTH: Final = Option()
JOINED: Final = Option(beside=False)
BESIDE: Final = Option(joined=False)
LOGIN: Final = Option(after=":%")
Options = dict[str, Option]

ANYWHERE: Final[Options] = {
    **dict.fromkeys(("-u", "-U", "--user", "--proxy-user", "--creds", "--src-creds", "--dest-creds"), LOGIN),
    "--from-literal": Option(after="="),
}
"""Of every program: a user with the password behind it."""

PROGRAMS: Final[tuple[tuple[str, Options], ...]] = (
    ("7z 7za 7zr 7zz", {"-p": JOINED}),
    ("rar unrar", {"-p": JOINED, "-hp": JOINED}),
    (
        "sshpass rabbitmqadmin cqlsh rdesktop twine az hydra steghide evil-winrm veracrypt influx",
        {"-p": BOTH},
    ),
    ("ncftp ncftpput ncftpget ncftpls", {"-p": BOTH}),
    ("sqlcmd bcp isql osql tsql mosquitto_pub mosquitto_sub mosquitto_rr ipmitool zip unzip zipcloak", {"-P": BOTH}),
    ("redis-cli keydb-cli valkey-cli dragonfly-cli", {"-a": BOTH}),
    ("http https xh", {"-a": LOGIN}),
    ("curl", {"-E": LOGIN, "--cert": LOGIN, "-b": Option(after="=")}),
    ("lftp lftpget open", {"-u": Option(after=",:")}),
    ("openssl", {"-k": BESIDE, "-K": BESIDE}),
    ("useradd usermod", {"-p": BESIDE}),
    ("ssh-keygen", {"-N": BOTH, "-P": BOTH}),
    ("smbpasswd", {"-w": BESIDE}),
    ("plink pscp psftp putty", {"-pw": BESIDE}),
    ("swaks", {"-ap": BESIDE}),
    ("sendemail", {"-xp": BESIDE}),
    ("osslsigncode signtool", {"-pass": BESIDE, "/p": BESIDE}),
    ("doctl flyctl fly vercel glab influx", {"-t": BESIDE}),
)
FAMILIES: Final[tuple[tuple[str, Options], ...]] = (
    ("mysql", {"-p": JOINED}),
    ("mariadb", {"-p": JOINED}),
    ("mycli", {"-p": JOINED}),
    ("mongo", {"-p": BOTH}),
    ("ldap", {"-w": BOTH}),
    ("snmp", {"-c": BOTH, "-A": BOTH, "-X": BOTH}),
)
"""Programs whose names begin so."""
BEHIND: Final[dict[tuple[str, str], Options]] = {
    ("gh", "secret"): {"-b": BOTH, "--body": BOTH},
    ("glab", "variable"): {"-v": BOTH, "--value": BOTH},
}
"""A program and its subcommand, which takes a secret behind an option that says something else elsewhere."""
DATABASE: Final[Options] = {"-p": Option(beside=False, digits=False)}
LOGINS: Final = (
    "docker", "podman", "buildah", "nerdctl", "helm", "oras", "crane", "poetry", "regctl", "argocd", "oc", "ibmcloud",
    "mongocli", "nuget",
)  # fmt: skip
"""Their `login` takes a password as -p, which says something else elsewhere."""


class Place(NamedTuple):
    """After this word, `skipped` arguments follow, and then secrets."""

    skipped: int
    secrets: int = 1


PLACES: Final[dict[str, dict[str, Place]]] = {
    "rabbitmqctl": dict.fromkeys(("add_user", "change_password", "authenticate_user"), Place(1)),
    "vault": {"login": Place(0), "unseal": Place(0)},
    "bw": {"unlock": Place(0), "login": Place(1)},
    "ngrok": {"authtoken": Place(0), "add-authtoken": Place(0)},
    "cargo": {"login": Place(0)},
    "rclone": {"obscure": Place(0), "pass": Place(0), "password": Place(0), "pass2": Place(0)},
    "openssl": {"passwd": Place(0)},
    "mc": {"set": Place(2, 2), "add": Place(2, 2)},
    "mcli": {"set": Place(2, 2), "add": Place(2, 2)},
    "redis-cli": {"auth": Place(0, 2)},
    "keydb-cli": {"auth": Place(0, 2)},
    "valkey-cli": {"auth": Place(0, 2)},
    "mysqladmin": {"password": Place(0)},
    "mariadb-admin": {"password": Place(0)},
    "nmcli": {"password": Place(0)},
    "poetry": {"http-basic": Place(1)},
    "pdftk": {"input_pw": Place(0), "owner_pw": Place(0), "user_pw": Place(0)},
    "wpa_passphrase": {"wpa_passphrase": Place(1)},
    "isql": {"isql": Place(2)},
    "mkpasswd": {"mkpasswd": Place(0)},
    "ipmitool": {"password": Place(1)},
}
"""Program -> its sub-command, or its own name -> where the secret stands."""
OF_CONFIG: Final = dict.fromkeys(
    ("key", "token", "secret", "secret_access_key", "client_secret", "bearer_token", "auth_token", "sas_url"), Place(0)
)
"""`rclone config create NAME TYPE key X`: names of settings, each with its value behind it."""
ASSIGN: Final = frozenset(
    (("fly", "secrets"), ("flyctl", "secrets"), ("heroku", "config:set"), ("supabase", "secrets"))
)
"""Of `NAME=VALUE` behind these every value is a secret, whatever its name."""
STORED: Final = frozenset((("secret", "create"), ("secret", "set"), ("secret", "put")))
"""`echo X | docker secret create NAME -`: what is echoed into these is a secret."""
AS_USER: Final = frozenset(
    ("docker", "docker-compose", "podman", "nerdctl", "sudo", "doas", "runuser", "su", "pkill", "pgrep", "systemd-run")
)
GROUPS: Final = frozenset(
    (
        "root", "www-data", "nogroup", "nobody", "users", "staff", "wheel", "adm", "daemon", "docker", "node", "nginx",
        "apache", "mysql", "postgres", "redis", "app", "backup",
    )
)  # fmt: skip
"""What stands behind the colon of `docker exec -u USER:GROUP`."""
SETTINGS: Final = ("requirepass", "masterauth", "sentinel-pass")
SETTERS: Final = ("set", "config", "add", "-S")
"""`aws configure set aws_secret_access_key X`: a name that says secret, and its value beside it."""
ORACLE: Final = ("sqlplus", "sqlldr", "exp", "imp", "expdp", "impdp", "rman", "sqlcl")
"""They take user/SECRET@database."""
LAST: Final = ("htpasswd", "mosquitto_passwd", "htdigest")
"""With -b the secret is their last argument."""
READERS: Final = (
    "--password-stdin", "--passphrase-fd", "--stdin", "--with-token", "--pass-stdin", "--batch-password", "-S",
    "chpasswd", "cryptsetup", "smbpasswd", "ecryptfs-add-passphrase", "gocryptfs", "vncpasswd", "kinit",
)  # fmt: skip
"""They read a secret from standard input: what was echoed into them is one."""
MOUNTS: Final = ("smb", "mount", "rpcclient")
"""They take user%SECRET."""
ECHO: Final = ("echo", "printf")
