"""Which beds modules declare, read off their source: before anything is collected, a wrong name on
the command line can still be one message."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_PATTERNS = ("check_*.py", "test_*.py", "*_test.py")


@cache
def find_declared(directory: Path) -> list[str]:
    """The names in all `Bed("…", vm=…)` of modules below a directory, sorted; hidden directories
    and virtual environments apart."""
    names = {name for file in _modules(directory) for name in _read(file)}
    return sorted(names)


def _modules(directory: Path) -> Iterator[Path]:
    for entry in sorted(directory.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            if not entry.name.startswith(".") and not (entry / "pyvenv.cfg").exists():
                yield from _modules(entry)
        elif any(entry.match(pattern) for pattern in _PATTERNS):
            yield entry


def _read(file: Path) -> Iterator[str]:
    try:
        source = file.read_text()
        # Parsing costs more than looking.
        tree = ast.parse(source) if "Bed(" in source else ast.Module([], [])
    except (OSError, ValueError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_bed(node.func) and _declares(node):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _is_bed(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name == "Bed"


def _declares(call: ast.Call) -> bool:
    return bool(call.args) and (
        len(call.args) > 1 or any(keyword.arg == "vm" for keyword in call.keywords)
    )
