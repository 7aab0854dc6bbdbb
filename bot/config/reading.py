"""Where settings come from: the environment, ``.env``, ``config.yaml``; and every problem with them as a sentence."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError

from bot.config.settings import Config, Setting, setting_of, settings
from bot.errors import Misconfigured

CONFIG_FILE: Final = "config.yaml"
ENV_FILE: Final = ".env"
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def read_config(
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    needs: tuple[str, ...] = (),
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    """The settings for a program started in ``folder``; ``needs`` are the fields that must have a value.

    ``overrides`` (by field, such as ``port``) win over everything; those of None are left out. Raises ``Misconfigured``
    with one sentence a line for all that is missing or wrong.
    """
    reading = _Reading(folder or Path(), os.environ if environment is None else environment)
    given = reading.given()
    chosen = {name: value for name, value in (overrides or {}).items() if value is not None}
    problems = list(reading.problems)
    config = _validated({**{name: value for name, (value, _) in given.items()}, **chosen}, given, problems)
    problems += _missing(needs, given.keys() | chosen.keys(), config)
    if problems or config is None:
        raise Misconfigured("\n".join(problems))
    return config


def environment(folder: Path | None = None) -> Mapping[str, str]:
    """The environment of a program started in ``folder``, ``.env`` included: where the secrets of connections are found by name."""
    return {**_dotenv_in(folder or Path()), **os.environ}


def _dotenv_in(folder: Path) -> dict[str, str]:
    path = folder / ENV_FILE
    kept = dotenv_values(path, interpolate=False) if path.is_file() else {}
    return {name: value or "" for name, value in kept.items()}


def _validated(values: dict[str, Any], given: Mapping[str, tuple[str, str]], problems: list[str]) -> Config | None:
    try:
        return Config(**values)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            name = str(fault["loc"][0])
            where = given[name][1] if name in given else _name_of(name)
            problems.append(f"{where} {_complaint(fault['type'], fault['msg'], fault.get('ctx', {}))}.")
        return None


def _complaint(kind: str, message: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"must be {context['expected']}".replace("'", '"')
        case "int_parsing" | "int_from_float" | "int_type":
            return "must be a whole number"
        case "float_parsing" | "finite_number" | "float_type":
            return "must be a number"
        case "greater_than_equal":
            return f"must be at least {context['ge']:g}"
        case "less_than_equal":
            return f"must be at most {context['le']:g}"
        case _:
            return f"is not right: {message}"


def _missing(needs: tuple[str, ...], present: set[str], config: Config | None) -> Iterator[str]:
    for name in needs:
        if name not in present or (config is not None and _is_empty(getattr(config, name))):
            setting = setting_of(name)
            yield f"{setting.env} is not set. {setting.cure} Put it into the environment or into {ENV_FILE}."


def _is_empty(value: object) -> bool:
    """Whether there is nothing in it: a list of secrets may hold commas alone."""
    return not (value.get_secret_value() if isinstance(value, SecretStr) else value)


def _name_of(name: str) -> str:
    setting = setting_of(name)
    return setting.env or f"{setting.path} in {CONFIG_FILE}"


class _Reading:
    """Collects values and where each was found; ``problems`` are sentences."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self._folder = folder
        self._environment = environment
        self._dotenv = self._read_dotenv()

    def given(self) -> dict[str, tuple[str, str]]:
        """Field to (value, what to call it in a sentence), for what is set anywhere."""
        written = self._read_file()
        found: dict[str, tuple[str, str]] = {}
        for name, setting in settings().items():
            value = self._variable(setting.env) if setting.env else ""
            if value:
                found[name] = (value, setting.env)
            elif setting.path in written:
                found[name] = written[setting.path]
        return found

    def _variable(self, name: str) -> str:
        return (self._environment.get(name) or self._dotenv.get(name) or "").strip()

    def _read_dotenv(self) -> dict[str, str]:
        try:
            return _dotenv_in(self._folder)
        except (OSError, UnicodeDecodeError) as trouble:
            self.problems.append(f"{self._folder / ENV_FILE} cannot be read: {trouble}. Mend or remove it.")
            return {}

    def _read_file(self) -> dict[str, tuple[str, str]]:
        path = self._folder / CONFIG_FILE
        try:
            root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader) if path.is_file() else None
        except (OSError, UnicodeDecodeError) as trouble:
            self.problems.append(f"{path} cannot be read: {trouble}. Mend or remove it.")
            return {}
        except yaml.YAMLError as trouble:
            mark = getattr(trouble, "problem_mark", None)
            place = f"{CONFIG_FILE}:{mark.line + 1}:{mark.column + 1}" if mark else CONFIG_FILE
            self.problems.append(
                f"{place}: This is not YAML: {getattr(trouble, 'problem', '') or 'it cannot be read'}."
            )
            return {}
        return {} if root is None else self._values(root)

    def _values(self, root: yaml.Node) -> dict[str, tuple[str, str]]:
        known = {setting.path: setting for setting in settings().values()}
        paths = list(known)
        groups = {path.partition(".")[0] for path in paths if "." in path}
        found: dict[str, tuple[str, str]] = {}
        for path, node in self._leaves(root, "", groups):
            place = f"{CONFIG_FILE}:{node.start_mark.line + 1}"
            if path not in paths:
                self._unknown(path, place, paths)
            elif path in found:
                self.problems.append(f"{place}: {path} is written twice. Keep one of the two.")
            elif value := self._value(node, known[path], place):
                found[path] = (value, f"{path} ({place})")
        return found

    def _value(self, node: yaml.Node, setting: Setting, place: str) -> str:
        """The value's text; of a list, its values with commas between."""
        nodes = node.value if setting.is_list and isinstance(node, yaml.SequenceNode) else [node]
        if not all(isinstance(each, yaml.ScalarNode) for each in nodes):
            form = "a list of values, or one" if setting.is_list else "one value, not a list or a group"
            self.problems.append(f"{place}: {setting.path} must be {form}.")
            return ""
        return ",".join(filter(None, (self._filled(str(each.value), place, setting.path) for each in nodes)))

    def _leaves(self, node: yaml.Node, prefix: str, groups: set[str]) -> Iterator[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            if prefix and not (isinstance(node, yaml.ScalarNode) and not node.value):
                self.problems.append(
                    f"{CONFIG_FILE}:{node.start_mark.line + 1}: {prefix} must hold settings, indented below it."
                )
            elif not prefix:
                self.problems.append(f"{CONFIG_FILE}: Write one setting a line, as name: value.")
            return
        for key, value in node.value:
            path = f"{prefix}.{key.value}" if prefix else str(key.value)
            if not prefix and path in groups:
                yield from self._leaves(value, path, groups)
            else:
                yield path, value

    def _unknown(self, path: str, place: str, known: list[str]) -> None:
        close = difflib.get_close_matches(path, known, 1)
        self.problems.append(
            f'{place}: There is no setting "{path}".' + (f' Did you mean "{close[0]}"?' if close else "")
        )

    def _filled(self, text: str, place: str, path: str) -> str:
        """``text`` with its ``${NAME}`` filled in; a text that is nothing but an unset one is not set itself."""
        names = _REFERENCE.findall(text)
        absent = [name for name in names if not self._variable(name)]
        if absent and not _REFERENCE.fullmatch(text.strip()):
            self.problems.append(
                f"{place}: {path} needs {absent[0]}, which neither the environment nor {ENV_FILE} has."
            )
        if absent:
            return ""
        return _REFERENCE.sub(lambda found: self._variable(found[1]), text).strip()
