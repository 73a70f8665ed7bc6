"""Secrets that a program takes without saying so: `mysql -pSECRET`, `redis-cli -a SECRET`, `htpasswd -b file me X`.

A line is read word by word, as a shell splits it; what a program's options mean holds up to the end of its command.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from runaway_watchdog.masking.logins import NO_SECRET
from runaway_watchdog.masking.named import MASK, is_path, says_secret
from runaway_watchdog.masking.programs import (
    ANYWHERE,
    AS_USER,
    ASSIGN,
    BEHIND,
    BESIDE,
    BOTH,
    DATABASE,
    ECHO,
    FAMILIES,
    GROUPS,
    LAST,
    LOGINS,
    MOUNTS,
    OF_CONFIG,
    ORACLE,
    PLACES,
    PROGRAMS,
    READERS,
    SETTERS,
    SETTINGS,
    STORED,
    Option,
    Options,
    Place,
)
from runaway_watchdog.patterns import Pattern

Part = tuple[int, int]
"""Where in a word the secret begins and ends."""


_BY_NAME: Final = {name: options for names, options in PROGRAMS for name in names.split()}
_NAMES: Final = frozenset(
    (
        *_BY_NAME,
        *(program for program, _ in (*BEHIND, *ASSIGN)),
        "passwd",
        "secret",
        *LOGINS,
        *PLACES,
        *ORACLE,
        *LAST,
        *READERS,
        *SETTINGS,
        *ANYWHERE,
    )
)
_HINT = Pattern(
    r"(?<!\S)-[uU]|mariadb|mycli|mongo|ldap|snmp|sql|db|--(?:user|proxy-user|from-literal)|creds|/p:|smb|mount"
    r"|_(?:secret|token|key|pass|auth)|secret_|[a-z]Token|acl|ACL"
)
_WORD = Pattern(r"(?:\"(?:[^\"\\]|\\.)*+\"?|'[^']*+'?|\\.|[^\s\"'\\]|\\)++", re.DOTALL)
_SEPARATORS: Final = frozenset((";", "|", "||", "&&", "&", "|&"))
_OPENERS: Final = "`$({\"'@!"
_DEPTH: Final = 3
"""Quotes in quotes: an inner level has fewer kinds of quotes left."""


def masked(text: str) -> str:
    """A shell line, or text that holds one, with what its programs take as a secret as `MASK`."""
    if _HINT.search(text) is None and _NAMES.isdisjoint(_bare(word) for word in text.split()):
        return text
    shown: list[str] = []
    kept = 0
    for begin, end in _in_text(text, _Reading(), _DEPTH):
        if begin >= kept:
            shown += (text[kept:begin], MASK)
            kept = end
    return "".join((*shown, text[kept:]))


def secret_parts(argv: Sequence[str]) -> dict[int, Part]:
    """Number of an argument -> what of it is the secret."""
    reading = _Reading(split=True)
    found: dict[int, Part] = {}
    for number, word in enumerate(argv):
        for at, begin, end in reading.word(number, word):
            found[at] = (begin, end)
    for at, begin, end in reading.finished():
        found[at] = (begin, end)
    return found


def _in_text(text: str, reading: "_Reading", depth: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each secret, in order."""
    words = list(_WORD.compiled().finditer(text))
    found: list[tuple[int, int]] = []
    for number, each in enumerate(words):
        word = each[0]
        bare = word.rstrip(";|&`") if len(word) > 2 else word
        lead, inner = _unquoted(bare)
        hits = list(reading.word(number, inner))
        for at, begin, end in hits:
            place, outer = _place(words[at])
            found.append((place + begin, place + min(end, len(outer))))
        if not any(at == number for at, _, _ in hits) and depth and any(map(str.isspace, inner)):
            opened = 0 if lead else min((at for mark in "\"'" if (at := inner.find(mark)) >= 0), default=-1) + 1
            piece = inner[opened:]
            place = each.start() + lead + opened
            found += [(place + begin, place + end) for begin, end in _in_text(piece, reading.inner(), depth - 1)]
        if bare != word:
            found += [_span(words, *hit) for hit in reading.ended(piped="|" in word[len(bare) :])]
    found += [_span(words, *hit) for hit in reading.finished()]
    yield from sorted(found)


def _span(words: Sequence[re.Match[str]], at: int, begin: int, end: int) -> tuple[int, int]:
    place, inner = _place(words[at])
    return place + begin, place + min(end, len(inner))


def _place(found: re.Match[str]) -> tuple[int, str]:
    word = found[0]
    lead, inner = _unquoted(word.rstrip(";|&`") if len(word) > 2 else word)
    return found.start() + lead, inner


def _unquoted(word: str) -> tuple[int, str]:
    """How many signs stand before what is quoted, and that."""
    if word[:1] in ('"', "'"):
        return 1, word[1:-1] if len(word) > 1 and word[-1] == word[0] else word[1:]
    return 0, word


def _bare(word: str) -> str:
    """The name that a word calls a program by, if it does."""
    if len(word) > 80:
        return ""
    name = word.lstrip(_OPENERS).rstrip("\"'`;)|&")
    for mark in "/;|&(`":
        name = name.rpartition(mark)[2]
    return name.casefold() if name.isalpha() and name.isupper() else name


class _Reading:
    """Which options take a secret, at this place of a line."""

    def __init__(self, options: Options | None = None, *, split: bool = False) -> None:
        self._split = split  # arguments that are split already: there are no separators among them
        self._echoed: list[tuple[int, int, int]] = []
        self._open = 0  # groups: `(echo a; echo b) |`
        self._begin({} if options is None else dict(options))

    def _begin(self, options: Options) -> None:
        """A command begins."""
        self._options = options
        self._places: dict[str, Place] = {}
        self._program = ""
        self._last_is_secret = False
        self._reads = False
        self._next: Option | None = None
        self._skip = self._count = 0
        self._before = ""
        self._before_says_secret = False
        self._argument = self._length = 0  # the last argument that is no option
        self._echoing = False
        self._assigns = self._of_acl = False  # each NAME=VALUE, each `>SECRET`
        self._as_user = False  # -u is a user and a group

    def inner(self) -> "_Reading":
        """For a command that is an argument."""
        return _Reading(self._options)

    def word(self, number: int, word: str) -> Iterator[tuple[int, int, int]]:
        """(number of the word, begin, end) of each secret that this word shows to be one."""
        if not self._split and word in _SEPARATORS:
            yield from self.ended(piped=word in ("|", "|&"))
            return
        name = _bare(word)
        expected, self._next = self._next, None
        part = self._part(word, name, expected)
        if part is not None:
            yield (number, *part)
        else:
            self._learn(word, name)
            if self._echoing:
                self._echo(number, word)
        typed = name == "passwd" and "/" not in word and self._before in ("", "sudo", "doas")
        if word.lstrip("`\"'")[:1] in ("(", "{"):
            self._open += 1
        elif word[-1:] in (")", "}"):
            self._open = max(0, self._open - 1)
        if name in READERS or typed or (self._before, name) in STORED or (word == "<<<" and self._reads):
            self._reads = True
            yield from self._echoed
            self._echoed = []
            if word == "<<<":
                self._next = BESIDE
        self._before = name
        if not word.startswith("-") and word[:1] not in "<>":
            self._argument, self._length = number, len(word)

    def ended(self, *, piped: bool) -> Iterator[tuple[int, int, int]]:
        """A command ends here; `piped`: the next one reads what it writes."""
        if self._last_is_secret:
            yield (self._argument, 0, self._length)
        self._echoed = self._echoed if piped or self._open else []
        self._begin({})

    def finished(self) -> Iterator[tuple[int, int, int]]:
        yield from self.ended(piped=False)

    def _echo(self, number: int, word: str) -> None:
        if not word.startswith(("-", "%")):
            self._echoed.append((number, 0, len(word.rstrip(")}")) or len(word)))

    def _part(self, word: str, name: str, expected: Option | None) -> Part | None:
        """What of this word is secret."""
        if expected is not None and word:
            return None if self._as_user and _is_group(word) else _behind(word, 0, expected)
        if (begin := self._begins(word)) is not None:
            return begin, len(word)
        if self._count and word[:1] not in ("-", "") and word != name + "=":
            return self._placed(word)
        if self._program in ORACLE and (part := _of_oracle(word)) is not None:
            return part
        if self._before in SETTINGS or (self._before_says_secret and not word.startswith("-")):
            self._before_says_secret = False
            return None if is_path(word) else (0, len(word))
        return self._of_option(word)

    def _begins(self, word: str) -> int | None:
        """Where in a word that its program's own sign announces the secret begins: `user%X`, `NAME=X`, `>X`."""
        if self._program.startswith(MOUNTS) and "user" in word and "%" in word:
            return word.index("%") + 1
        if self._assigns and 0 < word.find("=") < len(word) - 1:
            return word.index("=") + 1
        if self._of_acl and word[:1] in (">", "#") and len(word) > 1:
            return 1
        return 3 if word.startswith("/p:") and len(word) > 3 else None

    def _placed(self, word: str) -> Part | None:
        if self._skip:
            self._skip -= 1
            return None
        self._count -= 1
        return 0, len(word)

    def _of_option(self, word: str) -> Part | None:
        """An option with its secret; or one that announces it, which is kept in mind."""
        if not word.startswith(("-", "/")):
            return None
        for named, option in (*self._options.items(), *ANYWHERE.items()):
            if word == named or _ends_cluster(word, named):
                self._next = option if option.beside else self._next
                return None
            if word.startswith(named) and (word[len(named)] == "=" or (option.joined and not named.startswith("--"))):
                return _behind(word, len(named) + word.startswith("=", len(named)), option)
        return None

    def _learn(self, word: str, name: str) -> None:
        """What follows, after this word."""
        place = self._places.get(name.partition(".")[0])
        options = _options_of(name)
        if options or name in PLACES or name in ORACLE or name in LAST or name in READERS or name in ECHO:
            self._program = name
            self._options |= options
            self._places |= PLACES.get(name, {})
            self._echoing = name in ECHO
            place = self._places.get(name, place)
        elif name in LOGINS or name.startswith(MOUNTS):
            self._program = name
        self._options |= BEHIND.get((self._before, name), {})
        self._assigns = self._assigns or (self._before, name) in ASSIGN
        self._of_acl = self._of_acl or (self._before, name) == ("acl", "setuser")
        if (self._before, name) == ("rclone", "config"):
            self._places |= OF_CONFIG
        self._as_user = name in AS_USER or (self._as_user and name not in _BY_NAME)
        if name == "login" and self._program in LOGINS:
            self._options["-p"] = BOTH
        if place is not None:
            self._skip, self._count = place
        if self._program in LAST and re.fullmatch(r"-[ac-zA-Z]*+b[A-Za-z]*+", word):
            self._last_is_secret = True
        self._before_says_secret = self._before in SETTERS and _SETTING.search(word) is not None and says_secret(word)


_SETTING = Pattern(r"\A[^A-Z_]*+_[^A-Z]*+\Z|:_auth|[a-z](?:Token|Password|Secret)")


def _is_group(word: str) -> bool:
    """`app:app`, `deploy:www-data`: a user and a group."""
    user, _, group = word.partition(":")
    return group != "" and (group == user or group in GROUPS)


def _options_of(name: str) -> Options:
    if name in _BY_NAME:
        return _BY_NAME[name]
    for begin, options in FAMILIES:
        if name.startswith(begin):
            return options
    database = ("sql" in name or "db" in name) and name.replace("-", "").replace("_", "").isalnum()
    return DATABASE if database else {}


def _ends_cluster(word: str, named: str) -> bool:
    """`curl -sSu me:x`: the last of several letters takes the argument."""
    return len(named) == 2 and 2 < len(word) <= 6 and word[1:].isalpha() and word[0] == "-" and word[-1] == named[1]


def _behind(word: str, begin: int, option: Option) -> Part | None:
    """The secret of an option's value that begins there."""
    value = word[begin:]
    if not value or (not option.digits and value.isdecimal()):
        return None
    if not option.after:
        return begin, len(word)
    if value.lstrip('"').startswith("${"):  # `-u "${USER:-me}"`: the colon is the shell's
        return None
    places = [place for mark in option.after if (place := value.find(mark)) > 0]
    if not places:
        return None
    user, secret = value[: min(places)], value[min(places) + 1 :]
    plain = (secret.isdecimal() and user.isdecimal()) or NO_SECRET.fullmatch(secret) or secret.startswith("/")
    return None if plain or not secret else (begin + min(places) + 1, len(word))


def _of_oracle(word: str) -> Part | None:
    """user/SECRET@database."""
    slash = word.find("/")
    if slash <= 0 or word[0] in "@-./" or "." in word[:slash]:
        return None
    at = word.rfind("@")
    return slash + 1, at if at > slash else len(word)
