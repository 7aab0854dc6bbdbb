"""``consent``: the ledger of one person, out to a file and in from one, with a server and without."""

from __future__ import annotations

import re
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from bot.cli.consent_file import COLUMNS, head, read_rows, written
from bot.cli.output import run
from bot.core.consent_reasons import LedgerRow
from bot.core.event import ContactKey
from bot.errors import Failed
from bot.store.contacts import ExportedRow
from bot.store.sqlite import open_store
from bot.store.units import Placed
from tests.cli import test_releases
from tests.cli.conftest import Command
from tests.store.making import at, order, wrote

server = test_releases.server
COMMANDS = import_module("bot.cli.consent")  # the package knows the group by that name

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HEAD = "identity,purpose,state,source,proof,at\n"
ANNA, BEA = "+46701740605", "+447700900123"
APP = "app"


@pytest.fixture(autouse=True)
def app(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SINCH_APP_ID", APP)
    return folder


def key(number: str) -> ContactKey:
    return ContactKey(APP, "WHATSAPP", number.removeprefix("+"))


def csv(folder: Path, *rows: str, head: str = HEAD) -> str:
    (folder / "in.csv").write_text(head + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return "in.csv"


def ledger(folder: Path, number: str) -> list[tuple[str, str, str, str, datetime]]:
    async def read() -> list[tuple[str, str, str, str, datetime]]:
        store = await open_store(folder / "parley.db", app=APP)
        rows = await store.contacts.ledger_rows(key(number))
        await store.close()
        return [(row.purpose, row.state, row.source, row.proof, row.at) for row in rows]

    return run(read)


def told(command: Command, *arguments: str) -> str:
    ended = command("consent", *arguments)
    assert (ended.code, ended.err) == (0, ""), ended
    return ended.out.rstrip("\n")


# --- import -------------------------------------------------------------------------------------------------------------


def test_rows_are_imported_once(folder: Path, command: Command) -> None:
    file = csv(
        folder,
        f"{ANNA},all,opted_in,form,7,2026-01-03T10:00:00+01:00",
        "46701740605,marketing,Opted in,till,9,2026-01-03",
        f"{ANNA},all,stopped,phone call,,2026-01-02",
        "",
        f"{BEA},ALL,stopped,phone call,,2026-01-02",
    )
    assert told(command, "import", file, "--dry-run") == "Would import 4 rows."
    assert told(command, "export") == HEAD.rstrip()
    assert told(command, "import", file) == "Imported 4 rows."
    day = datetime(2026, 1, 2, tzinfo=UTC)
    assert ledger(folder, ANNA) == [
        ("all", "stopped", "phone call", "", day),
        ("marketing", "opted_in", "till", "9", day.replace(day=3)),
        ("all", "opted_in", "form", "7", day.replace(day=3, hour=9)),
    ]
    csv(folder, f"{BEA},all,opted_in,form,7,2026-01-01", f"{BEA},all,stopped,phone call,,2026-01-02")
    assert told(command, "import", file) == "Imported 0 rows; 1 there already; 1 older than what counts."


def test_with_one_bad_row_nothing_is_imported_and_all_are_named(folder: Path, command: Command) -> None:
    file = csv(
        folder,
        f"{ANNA},all,stopped,phone call,,2026-01-02",
        "0701740605,all,stopped,form,,2026-01-02",
        '+46701740606,all,stopped,"two',
        'lines",,2026-01-02',
        f"{ANNA},all,opted_in,form,,2026-01-03",
        f"{ANNA},all,perhaps,form,,2026-01-03",
    )
    ended = command("consent", "import", file)
    assert ended.code == 1
    assert ended.out.splitlines() == [
        (
            'line 3: identity: "0701740605" may lack its country, and nobody of that number wrote to us. '
            'Write a phone number with + and its country, without the 0 before the area code, such as "+46701740605".'
        ),
        "line 4: source: it must not hold control characters.",
        "line 6: proof: the person said STOP, so an opt-in needs a proof.",
        'line 7: state: "perhaps" is neither opted_in nor stopped.',
    ]
    assert ended.err == "4 rows of in.csv cannot be imported, so nothing was. Mend them and import again.\n"
    assert ledger(folder, ANNA) == []


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (",all,stopped,form,,2026-01-02", "identity: write a phone number"),
        ("4.67E+10,all,stopped,form,,2026-01-02", "was shortened by a spreadsheet"),
        (f"{ANNA},news,stopped,form,,2026-01-02", 'purpose: "news" is neither'),
        (f"{ANNA},all,stopped,,,2026-01-02", "source: say how you know"),
        (f"{ANNA},all,stopped,{'x' * 201},,2026-01-02", "source: it has over 200"),
        (f"{ANNA},all,stopped,form,{'x' * 2001},2026-01-02", "proof: it has over 2000"),
        (f"{ANNA},all,stopped,form,,", 'at: "" is no time'),
        (f"{ANNA},all,stopped,form,,03.11.2026", 'at: "03.11.2026" is no time'),
        (f"{ANNA},all,stopped,form,,2026-01-02T10:00:00", "is no time with its offset"),
        (f"{ANNA},all,stopped,form,,0001-01-01T00:00:00+14:00", "is no time"),
        (f"{ANNA},all,stopped,form,,1969-12-31", "is before 1970"),
        (f"{ANNA},all,stopped,form,,2026-11-24", "is in the future"),
        (f"{ANNA},all,stopped,form,,2026-01-02,more", "more cells than columns"),
        (f"{ANNA},all", 'state: "" is neither'),
    ],
)
def test_a_fault_is_told_in_a_sentence(row: str, sentence: str) -> None:
    read = read_rows(f"{HEAD}{row}\n".encode(), APP, NOW)
    assert [line for line, _ in read.faults] == [2]
    assert sentence in read.faults[0][1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"identity,purpose\n", "state, source, at are not there"),
        (HEAD.replace("proof", "prof").encode(), 'there is no column "prof"'),
        (HEAD.replace("proof", "at").encode(), "each once"),
        (f"{HEAD}{ANNA},all,stopped,butik \xe5,,2026-01-02\n".encode("latin-1"), "Line 2 is not UTF-8"),
        (f'{HEAD}"a"b\n'.encode(), "Line 2 is no CSV"),
        (b"", "identity, purpose, state, source, at are not there"),
    ],
)
def test_what_is_no_such_file_is_told(content: bytes, sentence: str) -> None:
    with pytest.raises(Failed, match=re.escape(sentence)):
        read_rows(content, APP, NOW)


@pytest.mark.parametrize("separator", [";", "\t", ","])
def test_a_file_is_read_as_a_spreadsheet_writes_it(separator: str) -> None:
    rows = [
        ["AT", " Identity ", "Purpose", "State", "Source"],
        ["2026-01-02", "46701740605", "all", "STOPPED", "kassan på torget"],
    ]
    text = "".join(separator.join(row) + "\r\n" for row in rows)
    read = read_rows(b"\xef\xbb\xbf" + text.encode(), APP, NOW)
    assert read.faults == ()
    [row] = read.rows
    assert (row.line, row.row.contact, row.row.change.source) == (2, key(ANNA), "kassan på torget")


@pytest.mark.parametrize("name", ["phone", "to", "Identity"])
def test_columns_are_called_as_in_a_campaign_and_proof_may_lack(folder: Path, command: Command, name: str) -> None:
    file = folder / "in.csv"
    file.write_text(f"{name},purpose,state,source,at\n{ANNA},all,stopped,form,2026-01-02\n")
    assert told(command, "import", str(file)) == "Imported 1 row."


def test_an_identity_that_is_no_number_must_be_known(folder: Path, command: Command) -> None:
    file = csv(folder, "US.1349,all,stopped,form,,2026-01-02")
    ended = command("consent", "import", file)
    assert ended.out == (
        'line 2: identity: "US.1349" is neither a phone number nor somebody who wrote to us. '
        'Write a phone number with + and its country, such as "+46701740605".\n'
    )

    async def writes() -> None:
        store = await open_store(folder / "parley.db", app=APP)
        await store.record([wrote("hi", key("US.1349"))], at(0))
        await store.close()

    run(writes)
    assert told(command, "import", file) == "Imported 1 row."


def test_a_long_file_comes_in_parts_that_keep_a_persons_rows_together(
    folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(COMMANDS, "PART", 3)
    rows = [
        f"+4670174{n:04},all,{state},form,7,2026-01-0{day}"
        for n in range(5)
        for day, state in ((3, "opted_in"), (2, "stopped"))
    ]
    file = csv(folder, *rows)
    assert told(command, "import", file) == "Imported 10 rows."
    assert told(command, "import", file) == "Imported 0 rows; 10 there already."


def test_a_running_server_imports_and_ends_what_waits(
    folder: Path, command: Command, server: Callable[[], None]
) -> None:
    async def waits() -> str:
        store = await open_store(folder / "parley.db", app=APP)
        [placed] = await store.place([replace(order(who=key(BEA)), if_closed="wait")], datetime.now(UTC))
        assert isinstance(placed, Placed)
        await store.close()
        return placed.outbox_id

    outbox_id = run(waits)
    server()
    file = csv(folder, f"{BEA},all,stopped,phone call,,2026-01-02", f"{ANNA},all,opted_in,form,,2026-01-02")
    assert told(command, "import", file, "--dry-run") == "Would import 2 rows."
    assert told(command, "import", file) == "Imported 2 rows."
    assert told(command, "import", file) == "Imported 0 rows; 2 there already."
    assert len(told(command, "export").splitlines()) == 3
    assert told(command, "show", BEA).startswith("messages: refused: stopped by phone call, 2 Jan 2026")
    with closing(sqlite3.connect(folder / "parley.db")) as connection:
        [[state]] = connection.execute("SELECT state FROM outbox WHERE id = ?", (outbox_id,))
    assert state == "cancelled"


# --- export -------------------------------------------------------------------------------------------------------------


def test_what_is_exported_is_imported_elsewhere_as_it_was(folder: Path, command: Command) -> None:
    rows = [
        f"{ANNA},all,stopped,=1+1,,2026-01-02T10:00:00.123456+00:00",
        f"{ANNA},all,opted_in,'quoted',\"-7, or so\",2026-01-03",
        f"{BEA},marketing,opted_in,@till på torget,,2026-01-03",
    ]
    told(command, "import", csv(folder, *rows))
    ended = command("consent", "export", "out.csv")
    assert (ended.code, ended.out) == (0, "")
    assert stat.S_IMODE((folder / "out.csv").stat().st_mode) == 0o600
    content = (folder / "out.csv").read_bytes()
    assert (
        "'+46701740605,all,stopped,'=1+1,,2026-01-02T10:00:00.123456+00:00" in content.decode("utf-8-sig").splitlines()
    )
    assert content.startswith(b"\xef\xbb\xbf")
    assert told(command, "export") == content.decode("utf-8-sig").rstrip("\n")
    before = [ledger(folder, ANNA), ledger(folder, BEA)]
    [(*word, proof, said_at)] = before[1]
    assert (proof, ",opted_in,'@till på torget,ledger row 1," in told(command, "export")) == ("", True)
    for left in folder.glob("parley.db*"):
        left.unlink()
    assert told(command, "import", "out.csv") == "Imported 3 rows."
    assert [ledger(folder, ANNA), ledger(folder, BEA)] == [before[0], [(*word, "ledger row 1", said_at)]]


@pytest.mark.parametrize(
    "cell", ["=cmd|' /C calc'!A0", "+46701740605", "-1", "@SUM(A1)", "\tx", "'", "'=x", "''+x", "a=b", "x"]
)
def test_no_cell_is_a_formula_and_each_comes_back(cell: str) -> None:
    row = LedgerRow("all", "stopped", cell, at(0), at(0), cell)
    text = head() + written([ExportedRow(1, "46701740605", row), ExportedRow(2, "", row)])
    cells = text.splitlines()[1].replace('"', "").split(",")
    assert not [each for each in cells if each.startswith(("=", "+", "-", "@"))]
    read = read_rows(text.encode(), APP, NOW)
    if cell.strip() != cell:
        assert read.faults == () or "control characters" in read.faults[0][1]
        return
    assert [(each.row.change.source, each.row.proof) for each in read.rows] == [(cell, cell)]


def test_pages_of_an_export_follow_each_other(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(COMMANDS, "PAGE", 2)
    told(command, "import", csv(folder, *(f"+4670174{n:04},all,stopped,form,,2026-01-02" for n in range(5))))
    lines = told(command, "export").splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert [row.split(",")[0] for row in lines[1:]] == [f"'+4670174{n:04}" for n in range(5)]


# --- show ---------------------------------------------------------------------------------------------------------------


def test_one_persons_words_are_told_newest_first(folder: Path, command: Command) -> None:
    told(
        command, "import", csv(folder, f"{ANNA},all,stopped,call,,2026-01-02", f"{ANNA},all,opted_in,form,7,2026-01-03")
    )
    assert told(command, "show", "+46 70-174 06 05").splitlines() == [
        "messages: allowed: opted in by form, 3 Jan 2026",
        "marketing: refused: the person never agreed to marketing",
        "2026-01-03 00:00:00 UTC  all        opted_in  form (proof: 7)",
        "2026-01-02 00:00:00 UTC  all        stopped   call",
    ]


def test_who_is_not_known_and_what_is_not_there_is_told(folder: Path, command: Command) -> None:
    told(command, "import", csv(folder, f"{ANNA},all,stopped,call,,2026-01-02"))
    assert command("consent", "show", BEA).err == f'Nobody of the identity "{BEA}" is known. Check the number.\n'
    assert command("consent", "import", "nope.csv").err.startswith("nope.csv cannot be read")
    assert command("consent", "export", "in.csv").err.startswith("in.csv is there already; name a new file")
    assert (folder / "in.csv").read_text(encoding="utf-8").startswith("identity,")
    assert command("consent", "export", "no/folder.csv").err.startswith("no/folder.csv cannot be written")
    (folder / "in.csv").write_text(HEAD)
    assert command("consent", "import", "in.csv").err == "in.csv has no rows.\n"
