"""Which files of ``tests/`` a proof is made of: its module, and all that is imported, started or run from there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_MODULE: Final = re.compile(r"tests(\.\w+)+")
_FILE: Final = re.compile(r"tests(/\w+)+\.py")


def sources(module: str, root: Path) -> list[Path]:
    """Those files under ``root``, by name. ``module`` is dotted; what is started (``"tests.kill.launcher"``) or run by pytest
    (``"tests/test_app.py"``) is found by its name in a string; the packages and the conftests around a file belong to it."""
    found: set[Path] = set()
    waiting = [*_of_module(module, root)]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _around(path, root)
            waiting += _named_in(path, root)
    return sorted(found)


def _around(path: Path, root: Path) -> Iterator[Path]:
    for folder in path.relative_to(root).parents[:-1]:
        yield from (each for name in ("__init__.py", "conftest.py") if (each := root / folder / name).exists())


def _named_in(path: Path, root: Path) -> tuple[Path, ...]:
    tree = ast.parse(path.read_bytes())
    return tuple(file for node in ast.walk(tree) for name in _names(node) for file in _of_name(name, root))


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (each.name for each in names)
        case ast.ImportFrom(module=str(module), names=names):
            yield module
            yield from (f"{module}.{each.name}" for each in names)
        case ast.Constant(value=str(text)):
            yield text
        case _:
            pass


def _of_name(name: str, root: Path) -> Iterator[Path]:
    if _FILE.fullmatch(name) and (root / name).exists():
        yield root / name
    elif _MODULE.fullmatch(name):
        yield from _of_module(name, root)


def _of_module(name: str, root: Path) -> Iterator[Path]:
    place = root / name.replace(".", "/")
    yield from (each for each in (place.with_suffix(".py"), place / "__init__.py") if each.exists())
