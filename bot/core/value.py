"""Values that are made by the dozen for each message.

A frozen dataclass pays for every field when it is made: its ``__init__`` goes around its own ``__setattr__``. For the few classes of
which a message needs many, that was a twentieth of all the time it costs. ``@quick`` keeps them frozen for the type checker, which is
what stops us from assigning to them, and lets them be made like any other object.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TypeVar

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """For use above ``@dataclass(frozen=True, slots=True)``: compared, hashed and replaced as before, made by a plain ``__init__``."""
    names: dict[str, object] = {}
    parameters, body = [], []
    for each in fields(cls):  # type: ignore[arg-type] # a dataclass, by its use
        given = each.name
        if each.default is not MISSING:
            names[f"_{each.name}"] = each.default
            parameters.append(f"{each.name}=_{each.name}")
        elif each.default_factory is not MISSING:
            names[f"_{each.name}"] = each.default_factory
            parameters.append(f"{each.name}=_none")
            given = f"_{each.name}() if {each.name} is _none else {each.name}"
        else:
            parameters.append(each.name)
        body.append(f"    self.{each.name} = {given}")
    names["_none"] = object()
    source = f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(body)
    exec(source, names)  # noqa: S102 as dataclasses itself does; only field names of our own classes go in
    type.__setattr__(cls, "__init__", names["__init__"])
    del cls.__setattr__, cls.__delattr__
    return cls
