"""A list of recipients: what it may look like, and every mistake in it with its line."""

from __future__ import annotations

import pytest

from bot.core.delivery import Policy
from bot.core.event import ContactKey
from bot.core.rule import LocalText, Place, Placeholder
from bot.core.rulebook import Template
from bot.errors import Refused
from bot.store.campaigns import BAD_ROW, DUPLICATE, KnownContact
from bot.work.recipients import MOST_ROWS, Form, Mistake, Row, bad_rows, checked, decode, read_table, readers
from tests.store.making import NOON

PLACE = Place("rules.yaml", 1, 1)
BODY = LocalText({"en": ("Hi ", Placeholder("first_name"), ", ", Placeholder("discount"), " off!")}, PLACE)
SALE = Template("sale", {"en": "en_US", "sv": "sv_SE"}, "marketing", ("first_name", "discount"), PLACE, body=BODY)
PARAMETERS = SALE.parameters


def contact(to: str) -> ContactKey:
    return ContactKey("app", "WHATSAPP", to.removeprefix("+"))


def form(**common: str) -> Form:
    return Form(SALE, common, "", contact, lambda to: None if to.startswith("+") else f'"{to}" lacks its country.')


def read(text: str, **common: str) -> list[Row]:
    table = read_table(text, PARAMETERS, common)
    assert list(table.mistakes) == []
    return list(table.rows)


def told(text: str, **common: str) -> list[str]:
    """The mistakes of the table, or of its rows."""
    table = read_table(text, PARAMETERS, common)
    mistakes = [*table.mistakes, *checked(table.rows, form(**common))[1]]
    return [f"{each.line}: {each.sentence}" for each in sorted(mistakes, key=lambda each: each.line)]


# --- the table ----------------------------------------------------------------------------------------------------------

NOBODY = (
    "1: Nobody stands below this line of column names. Has the list lost its line ends? "
    "curl keeps them with --data-binary, not with -d."
)
ANNA = Row(2, "+46701740605", "", "", {"first_name": "Anna", "discount": "20 %"})


@pytest.mark.parametrize(
    "text",
    [
        "to,first_name,discount\n+46701740605,Anna,20 %\n",
        "to;first_name;discount\r\n+46701740605;Anna;20 %\r\n",
        "to\tfirst_name\tdiscount\n+46701740605\tAnna\t20 %",
        '"to","first_name","discount"\n"+46701740605","Anna","20 %"\n',
        "Phone,First_Name,Discount\n +46701740605 ,Anna,20 %\n",
        "discount,number,first name\n20 %,+46701740605,Anna\n",
        "to,first_name,discount,,\n+46701740605,Anna,20 %,,\n",
        "recipient;first_name;discount\n+46701740605;Anna;20 %\n\n;;\n",
    ],
)
def test_a_list_may_look_in_many_ways(text: str) -> None:
    assert read(text) == [ANNA]


def test_how_excel_marks_its_separator_is_understood() -> None:
    (row,) = read("sep=;\nto;first_name;discount\n+46701740605;Anna;20 %\n")
    assert row == Row(3, ANNA.to, "", "", ANNA.values)


def test_language_and_time_zone_are_columns_and_a_line_may_span_lines() -> None:
    text = 'to,language,time_zone,first_name,discount\n+4670,sv,Europe/Oslo,"A\nB",1\n+4671,,,C,2\n'
    assert read(text) == [
        Row(2, "+4670", "sv", "Europe/Oslo", {"first_name": "A\nB", "discount": "1"}),
        Row(4, "+4671", "", "", {"first_name": "C", "discount": "2"}),
    ]


def test_a_parameter_called_number_is_a_value_where_to_is_there() -> None:
    table = read_table("to,number\n+4670,7\n", ("number",), {})
    assert table.rows == [Row(2, "+4670", "", "", {"number": "7"})]
    assert not read_table("number\n7\n", ("number",), {}).is_whole


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("", ["1: The list is empty. Its first line names the columns, such as to,first_name."]),
        (
            "first_name,discount\nAnna,20 %\n",
            ["1: There is no column to, phone, phone_number, number, mobile or recipient with the phone numbers."],
        ),
        ("to,first_name\n+46,A\n", ["1: There is no column discount, which the template needs."]),
        (
            "to,fristname,discount\n+46,A,1\n",
            [
                '1: The template has no value "fristname". Did you mean "first_name"?',
                "1: There is no column first_name, which the template needs.",
            ],
        ),
        (
            "to,first_name,discount,zzz\n+46,A,1,2\n",
            [
                '1: The template has no value "zzz". Delete the column, or name it to, language, time_zone, first_name or discount.'
            ],
        ),
        ("to,,first_name,discount\n+46,,A,1\n", ["1: Column 2 has no name. Write one, or delete the column."]),
        ("to,first_name,discount,discount\n+46,A,1,2\n", ['1: The column "discount" is there twice.']),
        (
            "to,first_name,discount\n+46,A\n+47,B,20,5\n+48,C,1\n",
            [
                "2: This line has 2 cells, and there are 3 columns. Is a separator missing?",
                "3: This line has 4 cells, and there are 3 columns. A comma within a cell needs quotes around the cell.",
            ],
        ),
        (
            'to,first_name,discount\n+46,A,1\n+47,"B,20\n',
            ['3: This line cannot be read as CSV (unexpected end of data). Look at its quotes (").'],
        ),
        (
            "+46701740605,Anna,20 %\n+447700900123,Ben,30 %\n",
            ["1: This is a person already. Write a line of column names above, such as to,first_name,discount."],
        ),
        ("to,first_name,discount\n", [NOBODY]),
        ("to,first_name,discount+46701740605,Anna,20 %", [NOBODY]),
    ],
)
def test_what_is_wrong_with_the_table_is_told_with_its_line(text: str, mistakes: list[str]) -> None:
    assert told(text) == mistakes


def test_a_list_has_an_end() -> None:
    table = read_table("to\n" + "+46\n" * (MOST_ROWS + 1), (), {})
    assert not table.is_whole
    assert [each.line for each in table.mistakes] == [MOST_ROWS + 2]


def test_utf_8_with_or_without_its_mark_and_nothing_else() -> None:
    assert decode("\ufeffto\nÅsa".encode()) == decode("to\nÅsa".encode()) == "to\nÅsa"
    with pytest.raises(Refused, match="line 2 has a letter that is not UTF-8"):
        decode("to\nÅsa".encode("cp1252"))
    with pytest.raises(Refused, match="it is not UTF-8"):
        decode("to\nÅsa".encode("utf-16"))
    for workbook in (b"PK\x03\x04xl/workbook.xml", b"\xd0\xcf\x11\xe0\xa1\xb1"):
        with pytest.raises(Refused, match="it is a workbook of a spreadsheet"):
            decode(workbook)


def test_a_list_that_cannot_be_read_to_its_end_is_not_whole() -> None:
    """Else whoever stands below an open quote would be left out with one bad row."""
    table = read_table('to,first_name,discount\n+46,A,1\n+47,"B,20\n+48,C,30\n', ("first_name", "discount"), {})
    assert (table.rows, table.is_whole) == ((), False)


def test_a_number_may_carry_the_apostrophe_of_a_spreadsheet() -> None:
    assert read("to,first_name,discount\n'+46701740605,Anna,20 %\n") == [ANNA]


# --- rows ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        (Row(2, "", values={"first_name": "A", "discount": "1"}), "There is no phone number."),
        (Row(2, "+46", values={"first_name": " \n", "discount": "1"}), "The value of first_name is missing."),
        (
            Row(2, "+46", values={"first_name": "A" * 1025, "discount": "1"}),
            (
                "The value of first_name has 1025 characters; WhatsApp takes at most 1024. "
                "The text has 1036 characters with these values; WhatsApp takes at most 1024."
            ),
        ),
        (
            Row(2, "+46", values={"first_name": "A" * 1010, "discount": "12345"}),
            "The text has 1025 characters with these values; WhatsApp takes at most 1024.",
        ),
        (
            Row(2, "+46", "de", values={"first_name": "A", "discount": "1"}),
            'The template sale is not declared in "de", only in en (en_US) and sv (sv_SE).',
        ),
        (
            Row(2, "+46", "", "Europe/Stokholm", {"first_name": "A", "discount": "1"}),
            'There is no time zone "Europe/Stokholm". Did you mean "Europe/Stockholm"?',
        ),
        (
            Row(2, "+46", "", "london", {"first_name": "A", "discount": "1"}),
            'There is no time zone "london". Did you mean "Europe/London"?',
        ),
        (
            Row(2, "+46", "", "my own clock", {"first_name": "A", "discount": "1"}),
            'There is no time zone "my own clock". Write it by area and city, such as Europe/Stockholm.',
        ),
        (
            Row(2, "+46", values={"first_name": "A", "discount": "1", "zzz": "2"}),
            'The template has no value "zzz". It takes first_name and discount.',
        ),
        (
            Row(2, "+46", values={"first_name": "A", "discount": "1", "dicsount": "2"}),
            'The template has no value "dicsount". Did you mean "discount"?',
        ),
        (
            Row(2, "", "xx", values={}),
            (
                'There is no phone number. The template sale is not declared in "xx", only in en (en_US) and sv (sv_SE). '
                "The value of first_name is missing. The value of discount is missing."
            ),
        ),
    ],
)
def test_all_that_is_wrong_with_a_row_is_told(row: Row, mistake: str) -> None:
    right, mistakes = checked([row], form())
    assert (right, [each.sentence for each in mistakes]) == ([], [mistake])


def test_a_text_of_just_the_length_whatsapp_takes_is_right() -> None:
    row = Row(2, "+46", values={"first_name": "A" * 1009, "discount": "12345"})
    assert checked([row], form()) == ([row], [])


def test_languages_are_ours_or_whatsapps_and_shared_values_need_no_column() -> None:
    rows = [
        Row(n, "+46", language, values={"first_name": "A"}) for n, language in enumerate(["sv_SE", "sv-se", "SV", "sv"])
    ]
    right, mistakes = checked(rows, form(discount="20 %"))
    assert mistakes == []
    assert {row.language for row in right} == {"sv"}
    assert told("to,first_name,discount\n+46,A,\n", discount="20 %") == []


# --- who gets it --------------------------------------------------------------------------------------------------------


def known(person: int, marketing: str = "opted_in", stopped: bool = False) -> KnownContact:
    return KnownContact(person, stopped, marketing)


def test_each_person_once_and_nobody_who_does_not_want_it() -> None:
    rows = [Row(line, to) for line, to in enumerate(["+1", "+2", "+1", "+3", "+4", "+5", "6", "US.7", "+8"], 2)]
    people = {
        contact("+1"): known(1),
        contact("+2"): known(2, stopped=True),
        contact("+3"): known(3, "unknown"),
        contact("+4"): known(4, "stopped"),
        contact("US.7"): known(1),  # another address of the first one
        contact("+8"): known(0, stopped=True),  # erased after a STOP
    }
    found = readers(rows, people, form(), Policy(), NOON)
    assert {each.line: each.skipped for each in found.recipients} == {
        2: "",
        3: "The person said STOP.",
        4: f"{DUPLICATE}: 2.",
        5: "The person never agreed to marketing.",
        6: "The person wants no marketing.",
        7: "The person never agreed to marketing.",
        9: f"{DUPLICATE}: 2.",
        10: "The person said STOP.",
    }
    assert found.mistakes == [Mistake(8, '"6" lacks its country.', "6")]
    assert found.going == 1
    everybody = readers(rows, people, form(), Policy(marketing="not_stopped"), NOON)
    assert [each.line for each in everybody.recipients if not each.skipped] == [2, 5, 7]


def test_a_row_with_mistakes_is_kept_as_skipped_for_the_first_of_them() -> None:
    mistakes = [Mistake(3, "First.", "+46"), Mistake(3, "Second.", "+46")]
    (row,) = bad_rows(mistakes, contact)
    assert (row.line, row.contact.identity, row.skipped) == (3, "46", f"{BAD_ROW}: First.")
