"""What Python code deletes, writes over and starts, by its syntax tree."""

import ast
import posixpath
import shlex
from shlex import quote

from runaway_watchdog.preflight.recipes.code_texts import Found, deleting

DELETES = frozenset(("os.remove", "os.unlink", "os.rmdir", "os.removedirs", "shutil.rmtree"))
TRUNCATES = frozenset(("os.truncate",))
MOVES = {
    "os.rename": "mv -f --", "os.replace": "mv -f --", "os.renames": "mv -f --", "shutil.move": "mv -f --",
    "shutil.copy": "cp -f --", "shutil.copy2": "cp -f --", "shutil.copyfile": "cp -f --",
    "shutil.copytree": "cp -rf --",
}  # fmt: skip
RUNS = frozenset(
    (
        "os.system", "os.popen", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.Popen",
        "subprocess.check_output", "subprocess.getoutput", "subprocess.getstatusoutput",
    )
)  # fmt: skip
ANYTHING = frozenset(
    ("eval", "exec", "compile", "__import__", "runpy.run_path", "os.execv", "os.execvp", "os.kill", "os.killpg")
)
PATH_DELETES = frozenset(("unlink", "rmdir"))
PATH_WRITES = frozenset(("write_text", "write_bytes"))


def found(text: str) -> Found:
    """Of a whole program; one that cannot be parsed may do anything."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Found((), True)
    reader = _Reader()
    reader.visit(tree)
    return Found(tuple(reader.lines), reader.open_ended)


class _Reader(ast.NodeVisitor):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.open_ended = False
        self._names: dict[str, str] = {}
        self._values: dict[str, str | None] = {}

    def visit_Import(self, node: ast.Import) -> None:
        for each in node.names:
            self._names[each.asname or each.name.partition(".")[0]] = (
                each.name if each.asname else each.name.partition(".")[0]
            )

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for each in node.names:
            self._names[each.asname or each.name] = f"{node.module or ''}.{each.name}"
            if each.name == "*":
                self.open_ended = True

    def visit_Assign(self, node: ast.Assign) -> None:
        self.generic_visit(node)
        for target in node.targets:
            if isinstance(target, ast.Name):
                known = target.id not in self._values
                self._values[target.id] = self._text(node.value) if known else None

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and " " in node.value and deleting(node.value):
            self.open_ended = True

    def visit_Call(self, node: ast.Call) -> None:
        name = self._dotted(node.func)
        if name in RUNS:
            self._started(node)
            return
        self.generic_visit(node)
        if name in DELETES:
            self._line("rm -rf --", node.args[:1], 1)
        elif name in TRUNCATES:
            self._line(": >", node.args[:1], 1)
        elif name in MOVES:
            self._line(MOVES[name], node.args[:2], 2)
        elif name in ("open", "io.open"):
            self._opened(node)
        elif name in ANYTHING:
            self.open_ended = True
        elif isinstance(node.func, ast.Attribute):
            self._method(node.func, name)

    def _method(self, func: ast.Attribute, name: str) -> None:
        """`Path("…").unlink()`, and methods of anything else that speak of deleting."""
        if func.attr in PATH_DELETES:
            self._line("rm -rf --", [func.value], 1)
        elif func.attr in PATH_WRITES:
            self._line(": >", [func.value], 1)
        elif func.attr != "remove" and deleting(func.attr) and not name.startswith(("sys.", "logging.")):
            self.open_ended = True

    def _line(self, verb: str, given: list[ast.expr], count: int) -> None:
        texts = [self._text(each) for each in given]
        if len(texts) < count or None in texts:
            self.open_ended = True
            return
        self.lines.append(" ".join((verb, *(quote(text or "") for text in texts))))

    def _opened(self, node: ast.Call) -> None:
        mode = (
            node.args[1]
            if len(node.args) > 1
            else next((key.value for key in node.keywords if key.arg == "mode"), None)
        )
        if mode is None:
            return
        text = self._text(mode)
        if text is None or "w" in text:
            self._line(": >", node.args[:1], 1)

    def _started(self, node: ast.Call) -> None:
        given = node.args[0] if node.args else None
        if isinstance(given, ast.List | ast.Tuple):
            texts = [self._text(each) for each in given.elts]
            if None not in texts:
                self.lines.append(shlex.join(text or "" for text in texts))
                return
        text = None if given is None else self._text(given)
        if text is None:
            self.open_ended = True
        else:
            self.lines.append(text)

    def _dotted(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self._names.get(node.id, node.id)
        return f"{self._dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""

    def _text(self, node: ast.expr) -> str | None:
        """A text that is written out, or made of such."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self._values.get(node.id)
        if isinstance(node, ast.Call) and self._dotted(node.func) in ("pathlib.Path", "os.path.join", "Path"):
            parts = [self._text(each) for each in node.args]
            return None if None in parts or not parts else posixpath.join(*(part or "" for part in parts))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div | ast.Add):
            left, right = self._text(node.left), self._text(node.right)
            if left is None or right is None:
                return None
            return left + right if isinstance(node.op, ast.Add) else posixpath.join(left, right)
        return None
