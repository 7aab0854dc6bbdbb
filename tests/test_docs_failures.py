"""docs/failures.md is the table of failures, to the letter."""

import pytest

from bot.core.failures import Row, rows
from bot.core.next_step import WHO
from tests.pages import ROOT, tables
from tests.test_docs import section

PAGE = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
SECTIONS = {
    "WhatsApp's codes": "WhatsApp",
    "Sinch's sub codes": "Sinch, sub code",
    "Sinch's reasons": "Sinch",
    "HTTP statuses of Sinch": "HTTP",
    "Parley's own words": "Parley",
}


def cells(row: Row) -> tuple[str, ...]:
    step = row.step
    return f"`{row.code}`{' of a template' if row.is_template else ''}", step.cause, step.done, step.who, step.todo


@pytest.mark.parametrize("title", SECTIONS)
def test_every_row_is_told_as_the_program_tells_it(title: str) -> None:
    [(_, told)] = tables(section(PAGE, title))
    assert told == [cells(row) for row in rows() if row.of == SECTIONS[title]]


def test_no_row_is_left_out_and_all_who_act_are_named() -> None:
    assert {row.of for row in rows()} == set(SECTIONS.values())
    (_, who), *_ = tables(PAGE)
    assert {name for name, _ in who} == set(WHO)
