"""Values of names that say secret: `DB_PASSWORD=x`, `--api-key x`, `"token": "x"`, `password => 'x'`, headers, SQL.

Whoever chooses the text may choose what is slow to search: every pattern looks at a character a bounded number of
times. A match starts only where a run of its characters starts, and repeats never give back (`++`).
"""

import re
from typing import Final

from runaway_watchdog.patterns import Pattern

MASK: Final = "***"

WORDS: Final = (
    "pass", "pw", "secret", "token", "key", "auth", "cred", "cookie", "dsn", "sig", "psk", "pin", "otp", "pat", "jwt",
    "sid", "sess", "bearer", "basic", "digest", "plaintext", "community", "identified",
    "assword",
)  # fmt: skip
"""One of these stands in every text in which this module finds anything, in small letters: a quick first test."""

_PART = Pattern(
    r"\d{0,4}(?:[a-z]{0,20}(?:password|passwd|secret|token|apikey|authkey)"
    r"|(?!bypass|compass|encompass|surpass|trespass|overpass|underpass)[a-z]{0,20}pass|pass(?:wd?|wrd|phrase|code|in|out)"
    r"|[a-z]{0,20}(?:pwd|pw)|secret|token|psk|pin|otp|totp|pat|jwt|credential|cred|auth|authorization|bearer|cookie"
    r"|(?:j|php|asp)?sess(?:ion)?id|dsn|sig(?:nature)?|requirepass|masterauth|plaintext|community"
    r"|(?:access|private|signing|encryption|master|account|client|license|session|auth|shared|storage|deploy)?key)"
    r"s?\d{0,4}"
)
# DB_PASSWORD, db.password, db-password, dbPassword and PGPASSWORD: the parts of a name, the last run together.
_PARTS = Pattern(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_SESSION: Final = ("session-id", "session_id")
_OF_A_KEY: Final = ("checking", "type", "file", "alias", "size", "length", "usage", "name", "exchange", "format")
"""`StrictHostKeyChecking=no`, `--key-type rsa`: about a key, and none."""
_ASKED: Final = ("no", "ask", "prompt", "without")
"""`--no-password`, `--ask-pass`: what follows is another option."""
MARKED = Pattern(
    r"(?<![\w.-])(?P<name>[\w.-]++)"
    r"(?P<mark>(?P<quoted>\\{0,3}[\"'])?\]?[ \t]*+(?:=>|:=|[=:]|%3[AaDd](?:%22)?|%22%3[Aa](?:%22)?)[ \t]*+"
    r"|(?P<beside>\\{0,3}[\"'](?:[ \t]*+,[ \t]*+|[ \t]++value=)(?=\\{0,3}[\"']))"
    r"|(?P<element>>)"
    r"|(?P<option>\s++(?:(?:\"\"|'')\s++)*+))"
)
"""A name with what makes the next thing its value: `name=`, `name: `, `"name": `, `'name', `, `<name>`, `--name `."""
WORD = Pattern(r"(?:\"(?:[^\"\\]|\\.)*+\"?|'[^']*+'?|\\.|[^\s\"'&;])++", re.DOTALL)
"""A word as a shell takes it: quoted pieces and escapes included."""
_JSON = Pattern(r"\\{0,3}\"(?:[^\"\\]|\\.)*+\"?|'(?:[^'\\]|\\.)*+'?|\[[^\]]*+\]?|[^\s,}\]]++", re.DOTALL)
_LINE = Pattern(r"[^\"'\n]++")
_CONTENT = Pattern(r"[^<\n]++")
_UNTIL: Final = {"'": Pattern(r"[^'\n]++"), '"': Pattern(r"[^\"\n]++")}
_HEADERS: Final = ("authorization", "cookie")

PATH = Pattern(
    r"\"?'?/(?:etc|run|var|home|root|usr|opt|srv|tmp|mnt|media|proc|dev|data|app|config|secrets|certs?|boot|lib|snap)"
    r"(?:/[\w.@+~-]++)+'?\"?"
)
"""The file that holds the secret: it is read by its path, and people need to see which one it is."""

_SCHEME = Pattern(r"(?P<name>\b(?:bearer|basic|digest)\s++)(?P<value>[\w.~+/=-]{6,}+)", re.IGNORECASE)
_STATEMENTS = Pattern(
    r"(?P<name>(?<![\w.-])(?:identified(?:\s++(?:with|by|as|via|using|password|\w{1,40}+)){1,5}+"
    r"|password|passwd|passphrase)\s*+\(?\s*+)"
    r"(?P<value>\\?'(?:[^'\\]|\\.)*+'?|\\?\"(?:[^\"\\]|\\.)*+\"?)",
    re.IGNORECASE | re.DOTALL,
)
"""`PASSWORD 'x'`, `PASSWORD('x')` and `IDENTIFIED BY 'x'` of SQL."""
_CALLED = Pattern(r"(?P<name>(?<!\w)auth\()(?P<value>[^)\n]++)", re.IGNORECASE)
_NETRC = Pattern(r"(?P<name>(?<!\S)login\s++\S++\s++password\s++)(?P<value>\S++)")
_OF_REDIS = Pattern(
    r"(?P<name>(?:\A|(?<=[\"'])|(?<=echo ))AUTH[ \t]++(?:[\w-]++[ \t]++(?=[^\s\"'\\|;&<>]))?)(?P<value>[^\s\"'\\]++)"
)
"""`printf 'AUTH x' | nc HOST 6379`."""
_EXPECT = Pattern(r"(?P<name>(?<!\w)send(?:\s++--)?\s++\\?\")(?P<value>[^\"\\]++)")


def says_secret(name: str) -> bool:
    """Whether one of the parts of a name is a word for a secret: DB_PASSWORD, api-key, clientSecret, PGPASSWORD."""
    lowered = name.casefold()
    if not any(word in lowered for word in WORDS):
        return False
    parts = [part.casefold() for part in _PARTS.split(name) if part]
    if parts and parts[0] in _ASKED:
        return False
    if lowered.rstrip("=:").endswith(_SESSION):
        return not lowered.startswith("xdg")
    after = (*parts[1:], "")
    return any(_PART.fullmatch(part) and after[number] not in _OF_A_KEY for number, part in enumerate(parts))


_TAG = Pattern(r"v?\d++(?:\.\d++)++(?:-[a-z]++[\d.]*+)*+|latest|stable|edge|main|master|alpine|slim")
# (?>…) and not (…)*+: before 3.11.5 the latter takes the beginning of a part that does not fit along
_CALLED_SO = Pattern(r"\*|\d{1,9}+|[a-z]++(?>(?:[_-](?:[a-z]++|\d{1,3}+|\*))*)")
"""What a person calls a process, a group or a bucket: words and short numbers, apart."""
_ALSO_NAMES: Final = frozenset(
    ("auth", "token", "tokens", "secret", "secrets", "key", "keys", "session", "sig", "cred")
)
"""Programs, groups, images and prefixes of keys are called so too: `supervisorctl stop auth:worker_00`."""


def announces_beside(name: str, value: str) -> bool:
    """Whether `name:value`, with nothing between, is a secret: `db-password:x`, not `auth:1.2` or `token-api:a`."""
    bare = name.strip("-/:=")
    parts = [part.casefold() for part in _PARTS.split(bare) if part]
    if not parts or name[:1] in ("-", "/") or parts[0] == "x":
        return says_secret(name)
    value = value.rstrip("\"'`;)|&,")
    plain = _TAG.fullmatch(value) or (bare.casefold() in _ALSO_NAMES and _CALLED_SO.fullmatch(value))
    return says_secret(parts[-1]) and not plain and says_secret(name)


def is_path(value: str) -> bool:
    return PATH.fullmatch(value) is not None


def masked(text: str) -> str:
    """Every value of a name that says secret, as `MASK`."""
    text = _SCHEME.sub(rf"\g<name>{MASK}", _by_name(text))
    lowered = text.casefold()
    if "assw" in lowered or "pass" in lowered or "identified" in lowered:
        text = _NETRC.sub(rf"\g<name>{MASK}", _STATEMENTS.sub(rf"\g<name>{MASK}", text))
        if "assword" in lowered and "expect" in lowered:
            text = _EXPECT.sub(rf"\g<name>{MASK}", text)
    if "AUTH" in text:
        text = _OF_REDIS.sub(rf"\g<name>{MASK}", text)
    return _CALLED.sub(rf"\g<name>{MASK}", text) if "auth(" in lowered else text


def _by_name(text: str) -> str:
    shown: list[str] = []
    kept = at = 0  # up to here the text is in `shown`; from here it is searched
    while found := MARKED.search(text, at):
        at = found.end()
        value = _value_after(text, found)
        if value is None or is_path(value[0]) or _names_another(text, found):
            continue
        if text.startswith(" value=", value.end()):  # <add key="DbPassword" value="x"/>: the name is the value's own
            at = value.start()
            continue
        shown += (text[kept : value.start()], MASK)
        kept = value.end()
        at = value.start() if announces(value[0]) else kept  # `--token --password X`: neither is shown
    return "".join((*shown, text[kept:]))


def _names_another(text: str, found: re.Match[str]) -> bool:
    """`${PASSWORD:-$OTHER}` of a shell: what it falls back to is a name as well."""
    return text.startswith("${", found.start() - 2) and text.startswith(("-$", "=$", "?", "+"), found.end())


def _value_after(text: str, found: re.Match[str]) -> re.Match[str] | None:
    """What a marked name is given, where the name says secret."""
    name, quote = found["name"], text[found.start() - 1 : found.start()]
    applies = True
    if found["option"] is not None:
        applies = name.startswith("-") and (not quote or quote.isspace() or quote in "\"'`")
    elif found["element"] is not None:
        applies = quote == "<"
    if not applies or not says_secret(name):
        return None
    value = _pattern(found, quote).match(text, found.end())
    if value is not None and found["mark"] == ":" and not quote.strip("`(=,;|&/<>[]{}@").strip():
        return value if announces_beside(name, value[0]) else None
    return value


def _pattern(found: re.Match[str], quote: str) -> Pattern:
    """What the value is made of."""
    name = found["name"].lower()
    if found["option"] is not None:
        return WORD
    if found["element"] is not None:
        return _CONTENT
    if found["quoted"] is not None or found["beside"] is not None:
        return _JSON
    tight = not found["mark"].endswith((" ", "\t")) and quote not in _UNTIL
    if ":" in found["mark"] and (name.startswith("x-") or name.endswith(_HEADERS)) and not tight:
        return _LINE
    return _UNTIL.get(quote, WORD)


_OPTION = Pattern(r"-{0,2}[\w.-]++")


def announces(argument: str) -> bool:
    """`--password`, `-token`, `--password=`, `password:`: what comes next is the secret."""
    found = _OPTION.match(argument)
    return (
        found is not None
        and argument[found.end() :] in (("", "=", ":") if argument.startswith("-") else ("=", ":"))
        and says_secret(found[0])
    )
