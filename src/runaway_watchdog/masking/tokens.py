"""Secrets that are recognised by themselves: the forms that services give their tokens, and what looks drawn by lot."""

import re
from typing import Final

from runaway_watchdog.masking.named import MASK
from runaway_watchdog.patterns import Pattern

_PREFIXES: Final = (
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glptt-", "gldt-", "glrt-", "glcbt-", "glft-",
    "glsoat-", "glagent-", "glimt-", "gloas-", "glsa_", "glc_", "xox", "xapp-", "sk-", "k_live_", "k_test_", "sk_org_",
    "whsec_", "AKIA", "ASIA", "AIza", "ya29.", "GOCSPX-", "1//0", "eyJ", "npm_", "hf_", "SG.", "_v1_", "shpat_",
    "shpca_", "shppa_", "shpss_", "shpua_", "pypi-", "dckr_", "hvs.", "hvb.", "hvr.", "lin_", "SWMTKN-", "key-", "-us",
    "sq0", "EAA", "NRAK-", "PMAK-", "rubygems_", "AGE-SECRET", "tskey-", "b3BlbnNza", "ATATT", "secret_", "r8_", "gsk_",
    "sntrys_", "sbp_", "figd_", "pscale_", "nfp_", "-----BEGIN ", "/bot", ":A",
)  # fmt: skip
"""One of these stands in every text in which `_KNOWN` finds something: a quick first test."""
_KNOWN = Pattern(
    r"(?<![\w-])(?:gh[pousr]_\w{20,}+|github_pat_\w{20,}+|gl(?:pat|ptt|dt|rt|cbt|ft|soat|agent|imt|oas)-[\w-]{16,}+"
    r"|glsa_\w{20,}+|glc_[\w=+/]{20,}+|xox[a-z]-[\w-]{8,}+|xapp-[\w-]{10,}+|sk-[\w-]{16,}+"
    r"|(?:[srp]k|sk_org)_(?:live|test)_\w{10,}+|whsec_[\w+/=]{16,}+|A[KS]IA[0-9A-Z]{16}|AIza[\w-]{30,}+"
    r"|ya29\.[\w.-]{10,}+|GOCSPX-[\w-]{10,}+|1//0[\w-]{20,}+|eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+)*+"
    r"|npm_\w{20,}+|hf_\w{20,}+|SG\.[\w-]{10,}+\.[\w-]{10,}+|do[opr]_v1_\w{20,}+|shp(?:at|ca|pa|ss|ua)_\w{16,}+"
    r"|pypi-\w[\w-]{16,}+|dckr_[a-z]{1,5}_[\w-]{16,}+|hv[sbr]\.[\w-]{16,}+|lin_(?:api|oauth)_\w{16,}+|SWMTKN-[\w-]{20,}+"
    r"|key-[0-9a-f]{32}|[0-9a-f]{32}-us\d{1,2}|sq0[a-z]{3}-[\w-]{16,}+|EAA[A-Za-z0-9]{20,}+|NRAK-[A-Z0-9]{20,}+"
    r"|PMAK-[\w-]{20,}+|rubygems_\w{20,}+|AGE-SECRET-KEY-[\w-]++|tskey-[\w-]{10,}+|b3BlbnNza[\w+/=]{10,}+"
    r"|ATATT[\w=-]{20,}+|secret_[A-Za-z0-9]{30,}+|r8_\w{30,}+|gsk_\w{30,}+|sntrys_[\w+/=]{20,}+|sbp_\w{30,}+"
    r"|figd_[\w-]{20,}+|pscale_[a-z]{2,6}_[\w.-]{20,}+|nfp_\w{20,}+"
    r"|\d{8,10}:AA[\w-]{30,}+|\d{8,10}:A[\w-]{34}(?![\w-]))"
    r"|(?<=/bot)\d++:[\w-]++"
    r"|(?<=-----BEGIN )[\s\S]*+"
)

_RUN = Pattern(r"(?<![\w+/.@%$-])[A-Za-z0-9][\w+/-]{15,}+={0,2}(?![\w@])(?!\.\w)")
_BETWEEN = Pattern(r"[^A-Za-z0-9]+")
_HASH = Pattern(r"[a-z]{0,3}(?:[0-9a-f]+|[0-9A-F]+)")
_CHANGES = Pattern(r"[a-z](?=[A-Z0-9])|[0-9](?=[A-Za-z])|[A-Z](?=[0-9])")
_LOWER, _UPPER, _DIGIT = Pattern(r"[a-z]"), Pattern(r"[A-Z]"), Pattern(r"[0-9]")
_HASHES: Final = (32, 40, 48, 56, 64, 96, 128)
"""Digits of a hash or an ID: containers, images, commits, machines and boots are known by theirs."""
_LONGEST: Final = 512
"""What is longer is no token, and is masked unread where it could be one."""


def masked(text: str) -> str:
    """The text with every token in it as `MASK`."""
    if any(prefix in text for prefix in _PREFIXES):
        text = _KNOWN.sub(MASK, text)
    return _RUN.sub(_drawn, text)


def _drawn(found: re.Match[str]) -> str:
    run = found[0]
    given = found.string[found.start() - 1 : found.start()] == "="
    return MASK if _looks_drawn(run[:_LONGEST], shortest=16 if given else 20) else run


def _looks_drawn(run: str, shortest: int) -> bool:
    """Whether letters and digits change so often that no person has named anything so.

    In what is drawn by lot every second sign is of another class than the one before; a name changes at the begin of
    a word, which a capital letter that begins one does not count for.
    """
    pieces = [piece for piece in _BETWEEN.split(run) if piece]
    if all(_HASH.fullmatch(piece) for piece in pieces):
        return len(pieces) == 1 and len(run) > 26 and len(run.lstrip("r")) not in _HASHES and bool(_mixed(run))
    drawn = "-".join(piece for piece in pieces if not (len(piece) >= 8 and _HASH.fullmatch(piece)))
    if len(drawn) < shortest or max(map(len, drawn.split("-"))) < 12:
        return False
    share = len(_CHANGES.findall(drawn)) / len(drawn)
    if _UPPER.search(drawn) and _LOWER.search(drawn):
        return bool(_DIGIT.search(drawn)) and share >= 0.25
    return len(drawn) >= 26 and share >= 0.2


def _mixed(run: str) -> bool:
    return _DIGIT.search(run) is not None and not run.isdecimal()
