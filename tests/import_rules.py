"""Who may import whom in bot/, read from the source files, and what core may not call."""

import ast
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

# Imports go one way, from a larger number to a smaller one; equal numbers are siblings and leave each other alone.
LEVELS = {
    "errors": 0,
    "crash": 0,
    "core": 1,
    "rulebook": 2,
    "sinch": 2,
    "store": 2,
    "config": 2,
    "net": 2,
    "work": 3,
    "web": 4,
    "app": 5,
    "cli": 6,
}
PURE = {"errors", "core"}

# Parts of the standard library that do I/O, read a clock, roll dice or log.
IMPURE = set(
    "asyncio ftplib http.client http.server imaplib logging mmap multiprocessing os pathlib random secrets select "
    "shutil signal smtplib socket socketserver sqlite3 ssl subprocess tempfile threading time urllib.request".split()
)
CLOCKS = {"now", "utcnow", "today"}
IO_BUILTINS = {"breakpoint", "input", "open", "print"}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: where the import stands, in which module, and the dotted name it reaches for."""

    place: str
    module: str
    target: str


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def base_of(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The dotted name that a `from` import starts at, its leading dots resolved."""
    if not node.level:
        return node.module or ""
    package = module.split(".") if is_package else module.split(".")[:-1]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def imports_of(path: Path, root: Path) -> Iterator[Import]:
    """Every import of a file wherever it stands: in functions and under TYPE_CHECKING as well."""
    module = module_name(path, root)
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        match node:
            case ast.Import():
                targets = [alias.name for alias in node.names]
            case ast.ImportFrom():
                base = base_of(node, module, path.name == "__init__.py")
                targets = [f"{base}.{alias.name}" for alias in node.names]
            case _:
                continue
        for target in targets:
            yield Import(f"{path.relative_to(root)}:{node.lineno}", module, target)


def part_of(name: str) -> str:
    """The part of bot/ that a dotted name belongs to; "" for bot itself and for its attributes."""
    return [*name.split("."), ""][1]


def is_below(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def broken_rule(found: Import, parts: set[str]) -> str | None:
    """The rule that an import breaks, as a sentence, or None; `parts` are the modules and packages right in bot/."""
    if not is_below(found.target, "bot"):
        return outside_rule(found)
    source, target = part_of(found.module), part_of(found.target)
    if target not in parts or source == target:
        return emulator_rule(found)
    if not source:
        return f"bot/__init__.py imports nothing of bot, but imports {target}"
    if LEVELS[target] == LEVELS[source]:
        return f"siblings do not import each other, but {source} imports {target}; wire them in app"
    if LEVELS[target] > LEVELS[source]:
        return f"imports go one way, {target} stands above {source}, but {source} imports {target}"
    return None


def outside_rule(found: Import) -> str | None:
    source, top = part_of(found.module), found.target.split(".")[0]
    if top in ("tests", "run"):
        return f"bot stands without {top}, but imports it"
    if source in PURE and top not in sys.stdlib_module_names:
        return f"{source} imports the standard library only, but imports {top}"
    if source in PURE and is_below(found.target, *IMPURE):
        return f"{source} is pure, but imports {found.target}, which does I/O, tells the time, rolls dice or logs"
    return None


def emulator_rule(found: Import) -> str | None:
    """The emulator is a second opinion on what Sinch says: code shared with the rest would be bugs shared with it."""
    inside = is_below(found.module, "bot.sinch.emulator"), is_below(found.target, "bot.sinch.emulator")
    if inside[0] != inside[1] and is_below(found.module, "bot.sinch") and is_below(found.target, "bot.sinch"):
        return f"the emulator and the rest of sinch share no code, but {found.module} imports {found.target}"
    return None


def parts_of(bot: Path) -> set[str]:
    files = (path.relative_to(bot) for path in bot.glob("**/*.py"))
    return {path.parts[0].removesuffix(".py") for path in files} - {"__init__"}


def broken_imports(root: Path) -> list[str]:
    """Each import under root/bot that breaks a rule, as `file:line: rule.`; first of all, the parts without a level."""
    parts = parts_of(root / "bot")
    if unknown := parts - LEVELS.keys():
        return [
            f"bot/{part}: has no level yet; give it one in LEVELS in tests/import_rules.py." for part in sorted(unknown)
        ]
    found = [each for path in sorted(root.glob("bot/**/*.py")) for each in imports_of(path, root)]
    return [f"{each.place}: {rule}." for each in found if (rule := broken_rule(each, parts))]


def cycles(root: Path) -> list[str]:
    """Circles of modules that import each other as they are imported, each as `a -> b -> a`; where there is none, any can come first."""
    paths = {module_name(path, root): path for path in sorted(root.glob("bot/**/*.py"))}
    graph = {module: sorted(_needs(module, path, root, paths)) for module, path in paths.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [" -> ".join(reversed(error.args[1]))]
    return []


def _needs(module: str, path: Path, root: Path, modules: Collection[str]) -> set[str]:
    """What is imported before this module is. With a module come the packages around it, but those that are being imported already."""
    needed: set[str] = set()
    for target in _at_import(path, module):
        names = [target.rsplit(".", cut)[0] for cut in range(target.count(".") + 1)]
        nearest = next((name for name in names if name in modules), None)
        if nearest is not None and nearest != module:
            around = {name for name in names if name in modules and not is_below(module, name)}
            needed |= around | {nearest}
    return needed - {module}


def _at_import(path: Path, module: str) -> Iterator[str]:
    """The dotted names that are imported when the file is: not in functions, nor under TYPE_CHECKING."""
    waiting: list[ast.AST] = [ast.parse(path.read_bytes(), str(path))]
    while waiting:
        match waiting.pop():
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=orelse):
                waiting += orelse
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom() as node:
                base = base_of(node, module, path.name == "__init__.py")
                yield from (f"{base}.{alias.name}" for alias in node.names)
            case node:
                waiting += ast.iter_child_nodes(node)


def impure_calls(path: Path, root: Path) -> Iterator[str]:
    """Calls that read the clock or do I/O without any import that would tell."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=name)) if name in CLOCKS:
                yield f"{path.relative_to(root)}:{node.lineno}: core is given `now`, but calls {name}()."
            case ast.Call(func=ast.Name(id=name)) if name in IO_BUILTINS:
                yield f"{path.relative_to(root)}:{node.lineno}: core does no I/O, but calls {name}()."
            case _:
                pass
