"""Logins in addresses: `scheme://user:password@host`, `user:password@host`, and webhooks, whose path is the secret."""

from runaway_watchdog.masking.named import MASK
from runaway_watchdog.patterns import Pattern

_RUN = Pattern(r"[^\s\"']++")
_AUTHORITY_END = Pattern(r"[/?#]")
NO_SECRET = Pattern(r"sha\d|[\w.:\\-]*\.(?:service|scope|slice|timer|socket|mount|target|path|device|swap)")
"""What follows the @ or the colon of an image's digest and of a unit: neither is a host, nor a password."""
_ORACLE = Pattern(r"(?P<name>jdbc:oracle:\w{1,10}:[^\s/@]{1,100}/)[^\s@]++")
_HOOKS = Pattern(
    r"(?P<name>://hooks\.[\w.-]++/(?:[a-z]++/)*+|hc-ping\.com/|/(?:webhooks?|webhookb2|heartbeats?|hooks/catch|ping)/)"
    r"(?P<value>[\w@/.=&?%-]{6,}+)"
)
_STREAM = Pattern(r"(?P<name>rtmps?://(?:[^\s/\"']++/)++)(?P<value>[^\s/\"']{8,}+)")


def masked(text: str) -> str:
    """The text with the password of every login in it as `MASK`."""
    if "@" in text:
        text = _RUN.sub(lambda run: _userinfo(run[0]) if "@" in run[0] else run[0], text)
    if "://" in text:
        text = _STREAM.sub(rf"\g<name>{MASK}", _HOOKS.sub(rf"\g<name>{MASK}", text))
    return _ORACLE.sub(rf"\g<name>{MASK}", text) if "jdbc:oracle" in text else text


def _userinfo(run: str) -> str:
    """Mask the password of `scheme://user:password@host` and `user:password@host`, or a user alone: a token is one.

    A password may hold any of these marks itself, so what follows the colon is masked up to the last @.
    """
    shown: list[str] = []
    kept, last = 0, run.rfind("@")
    at = run.find("://", 0, last)
    while at >= 0:
        begin, end = at + 3, _authority_end(run, at + 3)
        colon, own = run.find(":", begin, end), run.rfind("@", begin, end)
        if colon >= 0 and (colon < own or (own < 0 and not run[colon + 1 : end].isdecimal())):
            shown += (run[kept : colon + 1], MASK)
            kept = last
            break
        if own > begin and not run.endswith("ssh", 0, at):  # ssh://git@host names a user, and no secret
            shown += (run[kept:begin], MASK)
            kept = own
        at = run.find("://", max(begin, end - 1), last)  # the authority may end in the next URL's own //
    return _before_at("".join((*shown, run[kept:])))


def _authority_end(run: str, begin: int) -> int:
    found = _AUTHORITY_END.search(run, begin)
    return len(run) if found is None else found.start()


def _before_at(run: str) -> str:
    """Mask the password of every `user:password@host` that is no URL."""
    pieces = run.split("@")
    for number, piece in enumerate(pieces[:-1]):
        begin = piece.rfind("/") + 1
        colon = piece.find(":", begin)
        plain = colon <= begin or piece.startswith("mailto", begin) or NO_SECRET.match(pieces[number + 1])
        if not plain and colon + 1 < len(piece):
            pieces[number] = piece[: colon + 1] + MASK
    return "@".join(pieces)
