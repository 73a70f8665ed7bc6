"""What a program's text deletes, writes over and starts, as lines of a shell."""

import re
from collections.abc import Mapping
from shlex import quote
from typing import NamedTuple

from runaway_watchdog.effects.doubts import DELETING

PYTHONS = ("python", "pypy")
_SQL = re.compile(r"\b(?:drop\s+(?:table|database|schema|view)|truncate\s+\w|delete\s+from|flush(?:all|db))\b", re.I)
_TEXT = r"""(?P<quote>["'])(?P<text>(?:(?!(?P=quote))[^\\$#])*)(?P=quote)"""


class Found(NamedTuple):
    texts: tuple[str, ...]  # lines of a shell that do the same
    may_destroy: bool  # there is something that deletes, and what is not written out


class Verbs(NamedTuple):
    """Names of functions, as alternatives of a regular expression."""

    deletes: str
    writes: str
    runs: str
    opens: str = ""  # writes only with a mode that says so
    ticks: bool = False  # `…` runs a program


LANGUAGES: Mapping[str, Verbs] = {
    "node": Verbs(
        r"(?:fs|fsp|promises|fse)?\.?(?:rmSync|rmdirSync|unlinkSync|emptyDirSync|removeSync|truncateSync|unlink|rmdir|rm"
        r"|rimraf|rimrafSync|del)",
        r"writeFileSync|writeFile|createWriteStream|outputFileSync|renameSync|rename|copyFileSync|copyFile|cpSync",
        r"execSync|exec|spawnSync|spawn|execFileSync|execFile|fork|eval|Function",
    ),
    "php": Verbs(
        r"unlink|rmdir|ftruncate", r"file_put_contents|rename|copy|move_uploaded_file",
        r"exec|system|shell_exec|passthru|popen|proc_open|eval|pcntl_exec", "fopen", ticks=True,
    ),
    "perl": Verbs(
        r"unlink|rmdir|rmtree|remove_tree|truncate", r"rename|move|copy", r"system|exec|qx|eval", "open", ticks=True
    ),
    "ruby": Verbs(
        r"FileUtils\.\w*(?:rm|remove)\w*|File\.(?:delete|unlink|truncate)|Dir\.(?:rmdir|delete|unlink)|rmtree|rm_rf|rm_r",
        r"File\.(?:write|rename|binwrite)|IO\.(?:write|binwrite)|FileUtils\.(?:mv|cp|move|copy)\w*",
        r"system|exec|spawn|popen|eval|instance_eval|popen3|capture2e?", r"File\.(?:open|new)|open", ticks=True,
    ),
}  # fmt: skip


def found(program: str, text: str) -> Found:
    """Of a text in the program's language."""
    if program.startswith(PYTHONS):
        from runaway_watchdog.preflight.recipes.python_code import found as of_python

        return of_python(text)
    return _scanned(LANGUAGES.get(program, LANGUAGES["node"]), text)


def deleting(text: str) -> bool:
    """Whether a name or a statement in the text speaks of deleting."""
    words = {part for word in re.findall(r"[A-Za-z]+", text) for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", word)}
    return _SQL.search(text) is not None or bool({word.lower() for word in words} & DELETING)


def _scanned(verbs: Verbs, text: str) -> Found:
    lines: list[str] = []
    open_ended = False
    for kind, names in (("rm -rf --", verbs.deletes), (": >", verbs.writes), ("", verbs.runs)):
        for call in re.finditer(rf"(?<![\w$\"'])(?:{names})\b\s*\(?\s*(?:{_TEXT}\s*(?P<more>[,.+]?))?", text):
            literal = call["text"]
            if literal is None or call["more"] in (".", "+") or (call["more"] == "," and kind != "rm -rf --"):
                open_ended = True
            elif kind:
                lines.append(f"{kind} {quote(literal)}")
            else:
                lines.append(literal)
    if verbs.opens and re.search(rf"\b(?:{verbs.opens})\b[^;\n]*(?:[\"'][+]?[>wax]|>)", text):
        open_ended = True
    if verbs.ticks and "`" in text:
        open_ended = True
    return Found(tuple(lines), open_ended or (not lines and deleting(text)))
