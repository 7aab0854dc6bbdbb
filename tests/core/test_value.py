"""Quick values behave like the frozen dataclasses they are written as."""

import dataclasses
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bot.core.value import quick


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    name: str
    tags: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    tags: tuple[str, ...] = ()
    fields: dict[str, str] = field(default_factory=dict, hash=False)


def test_it_is_made_compared_hashed_shown_and_replaced_alike() -> None:
    one, two = Quick("a", ("x",)), Plain("a", ("x",))
    assert dataclasses.asdict(one) == dataclasses.asdict(two)
    assert one == Quick("a", tags=("x",))
    assert one != Quick("b", ("x",))
    assert hash(one) == hash(two)
    assert repr(one) == repr(two).replace("Plain", "Quick")
    assert replace(one, name="b") == Quick("b", ("x",))


def test_every_value_gets_a_default_of_its_own() -> None:
    assert Quick("a").fields is not Quick("a").fields


@pytest.mark.parametrize("arguments", [(), ("a", (), {}, "more")])
def test_wrong_arguments_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        Quick(*arguments)  # type: ignore[arg-type]


def test_the_type_checker_refuses_to_assign(tmp_path: Path) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text("from bot.core.reply import TextReply\nTextReply('a').text = 'b'\n")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), str(probe)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert 'Property "text" defined in "TextReply" is read-only' in checked.stdout
