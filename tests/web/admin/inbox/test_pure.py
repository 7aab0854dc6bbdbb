"""What is shown of names, messages and time, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.core.button import button_id
from bot.core.delivery import OutboxState
from bot.core.event import (
    ContactKey,
    Content,
    Event,
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    MediaKind,
    Order,
    OrderItem,
    Reaction,
    Tap,
    Text,
    Unreadable,
)
from bot.core.reply import (
    Button,
    ButtonsReply,
    ContactReply,
    FlowReply,
    LinkReply,
    ListReply,
    LocationReply,
    MediaReply,
    OmniTemplateReply,
    Reply,
    Section,
    TemplateReply,
    TextReply,
)
from bot.core.rulebook import Rulebook
from bot.rulebook.load import load_files
from bot.store.contacts import FROM_THE_END, Came, Exchange, Left
from bot.store.units import AttemptView, InboxKind, MessageView
from bot.web.admin.inbox_view import asked_of
from bot.web.admin.naming import called, name_of
from bot.web.admin.said import LINE_MAX, LONG, said_by_them, said_by_us
from bot.web.admin.timeline import Before, Frame, Stored, before_of, timeline
from bot.web.admin.timeline_view import Bubble, Item, Mark
from tests.web.admin.inbox.conftest import RULES

T0 = datetime(2026, 1, 5, 21, tzinfo=UTC)  # 22:00 in Stockholm
KEY = b"k" * 32
ANNA = ContactKey("app", "WHATSAPP", "46701740605")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"name": "Anna Berg", "first_name": "no"}, "Anna Berg"),
        ({"first_name": " Anna ", "last_name": "Berg"}, "Anna Berg"),
        ({"first_name": "Anna"}, "Anna"),
        ({"last_name": "Berg", "order": "7"}, ""),
        ({"name": "  "}, ""),
        ({"name": "a\nb" + "c" * 100}, "a b" + "c" * 56 + "…"),
    ],
)
def test_a_name_is_found_among_fields(fields: dict[str, str], name: str) -> None:
    assert name_of(fields) == name


def test_whose_name_is_not_known_goes_by_a_masked_number() -> None:
    assert called({}, ANNA) == "+46 … 605"
    assert called({"name": "Anna"}, ANNA) == "Anna"


BUTTON = Button("Yes", "hours", 3, "sure")
OURS: list[tuple[Reply, list[str], str]] = [
    (TextReply("Hi"), ["Hi"], "Hi"),
    (ButtonsReply("Pick", (BUTTON,), "Head", "Foot", "https://x.example/a.jpg"), ["Pick", "Yes", "Head", "Foot", "a.jpg"], "File: Pick"),
    (ListReply("Pick", "Menu", (Section("Part", (BUTTON,)),)), ["Pick", "Menu", "Part", "Yes", "sure"], "Pick"),
    (MediaReply("document", "https://x.example/a.pdf", "Look", "a.pdf"), ["Document", "Look", "a.pdf"], "Document: Look"),
    (LocationReply(59.1, 18.2, "Our shop", "Street 1"), ["Location", "Our shop", "Street 1", "59.1, 18.2"], "Location: Street 1"),
    (ContactReply("Ida", "+46812345", "ida@x.example"), ["Ida", "+46812345", "ida@x.example"], "Ida"),
    (LinkReply("See", "Open", "https://x.example/"), ["See", "Open", "https://x.example/"], "See"),
    (FlowReply("Fill", "77", "Begin"), ["Fill", "77", "Begin"], "Fill"),
    (TemplateReply("sale", "sv_SE", {"body[1]text": "Åsa"}), ["sale", "sv_SE", "body[1]text", "Åsa"], "template sale, sv_SE"),
    (TemplateReply("sale", "sv_SE", {"body[1]text": "Åsa"}, text="Hej Åsa"), ["sale", "Hej Åsa"], "Hej Åsa"),
    (OmniTemplateReply("01J", "sv-SE", {"shelf": "4"}), ["01J", "shelf", "4"], "template 01J, sv-SE"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "words", "line"), OURS, ids=lambda each: type(each).__name__)
def test_every_kind_of_ours_can_be_read(reply: Reply, words: list[str], line: str) -> None:
    said = said_by_us(reply)
    assert [word for word in words if word not in repr(said)] == []
    assert said.line == line


THEIRS: list[tuple[Content, list[str]]] = [
    (Text("hej"), ["hej"]),
    (Media("https://x.example/a", None, "mine", "a.ogg"), ["Voice note", "mine", "a.ogg", "https://x.example/a"]),
    (Location(59.1, 18.2, "Home"), ["Location", "Home", "59.1"]),
    (Tap(button_id(KEY, "hours", 1, 3)), ["Opening hours"]),
    (Tap(button_id(KEY, "gone", 1, 3)), ["leads to gone"]),
    (Tap("their own payload"), ["their own payload"]),
    (Order("c", "Shoes", (OrderItem("sku1", 2, 9.5, "SEK"),)), ["Shoes", "sku1", "2 × 9.5 SEK"]),
    (FlowAnswer("form", {"day": "Monday"}), ["day", "Monday"]),
    (Unreadable("poll"), ["poll"]),
]


@pytest.mark.parametrize(("content", "words"), THEIRS, ids=lambda each: type(each).__name__)
def test_every_kind_of_theirs_can_be_read(content: Content, words: list[str]) -> None:
    said = said_by_them(content, MediaKind.VOICE, KEY, {("hours", 3): "Opening hours"})
    assert [word for word in words if word not in repr(said)] == []
    assert said.line


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", " https://x.example", "JaVaScRiPt:x", "//x"]
)
def test_what_is_no_web_address_is_no_link(url: str) -> None:
    said = said_by_them(Media(url, MediaKind.IMAGE), None, KEY, {})
    assert said.file is not None
    assert said.file.url == ""


def test_a_long_text_is_whole_in_two_parts_and_its_line_is_short() -> None:
    said = said_by_us(TextReply("word " * 3000))
    assert said.beginning + said.rest == said.text
    assert len(said.beginning) == LONG
    assert len(said.line) == LINE_MAX


# --- the timeline ------------------------------------------------------------


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    reading = load_files({"rules/shop.yaml": RULES.encode()})
    assert reading.rulebook is not None
    return reading.rulebook


OK = TextReply("ok")
LATEST = Before()


def came(number: int, minutes: float, text: str = "hej", reply_to: str = "", **more: str) -> tuple[Came, Event]:
    at = T0 + timedelta(minutes=minutes)
    event = InboundMessage(f"d{number}", ANNA, f"their-{number}", Text(text), at, at, reply_to=reply_to)
    return Came(number, InboxKind.INBOUND, b"{}", at, at, None, more.get("layer", ""), more.get("rule", "")), event


def left(name: str, minutes: float, reply: Reply = OK, status: str = "delivered") -> Left:
    at = T0 + timedelta(minutes=minutes)
    attempt = AttemptView(1, at, at, "sent", 200, "", f"sinch-{name}")
    return Left(
        MessageView(name, ANNA, OutboxState.SENT, status, "", reply, "", at, (attempt,), (), rule="welcome"), name
    )


def shown(
    rulebook: Rulebook,
    *entries: tuple[Came, Event] | Left,
    minutes: float = 60,
    more: bool = False,
    before: Before = LATEST,
) -> tuple[Item, ...]:
    """Entries oldest first, as seen ``minutes`` later."""
    events = {each[0].inbox_id: each[1] for each in entries if isinstance(each, tuple)}
    newest = tuple(each[0] if isinstance(each, tuple) else each for each in reversed(entries))
    stored = Stored(Exchange(newest, (1, 1) if more else None), (), (), events, before)
    frame = Frame(rulebook, KEY, ZoneInfo("Europe/Stockholm"), T0 + timedelta(minutes=minutes), "Ida", "Anna")
    return timeline(stored, frame).items


def bubbles(items: tuple[Item, ...]) -> list[Bubble]:
    return [each for each in items if isinstance(each, Bubble)]


def test_days_divide_in_the_zone_of_the_rules(rulebook: Rulebook) -> None:
    items = shown(rulebook, came(1, 0), left("a", 1), came(2, 125), minutes=130)
    assert [each.words if isinstance(each, Mark) else each.key for each in items] == [
        "Yesterday", "in-1", "out-a", "Today", "in-2",
    ]  # fmt: skip


def test_a_line_stands_where_the_window_closed_and_nowhere_while_it_is_open(rulebook: Rulebook) -> None:
    assert not [each for each in shown(rulebook, came(1, 0), minutes=24 * 60 - 1) if each.is_closed]
    closed = shown(rulebook, came(1, 0), came(2, 60), left("a", 26 * 60), minutes=27 * 60)
    assert [each.key for each in closed if not (each.is_day and not each.is_closed)] == [
        "in-1", "in-2", f"closed-{int((T0 + timedelta(hours=25)).timestamp())}", "out-a",
    ]  # fmt: skip


def test_an_older_page_tells_nothing_of_now(rulebook: Rulebook) -> None:
    items = shown(rulebook, came(1, 0), minutes=9000, before=Before((5, 5), T0 + timedelta(hours=1)))
    assert not [each for each in items if each.is_closed]


def test_a_reaction_hangs_on_its_message_the_newest_counts_and_an_empty_one_takes_it_back(rulebook: Rulebook) -> None:
    def reacts(number: int, emoji: str) -> tuple[Came, Event]:
        at = T0 + timedelta(minutes=number)
        return (
            Came(number, InboxKind.INBOUND, b"{}", at, at, None, "", ""),
            Reaction(f"r{number}", ANNA, "sinch-a", emoji, at, at),
        )

    assert bubbles(shown(rulebook, left("a", 0), reacts(1, "👍"), reacts(2, "❤")))[0].reactions == ("❤",)
    assert bubbles(shown(rulebook, left("a", 0), reacts(1, "👍"), reacts(2, "")))[0].reactions == ()
    alone = shown(rulebook, reacts(1, "👍"))
    assert "Reacted 👍" in repr(alone)


def test_what_is_answered_to_is_quoted(rulebook: Rulebook) -> None:
    found = bubbles(
        shown(rulebook, left("a", 0, TextReply("Which day?")), came(1, 1, "Monday", "sinch-a"), came(2, 2, "x", "gone"))
    )
    assert [each.quote for each in found] == ["", "Which day?", ""]


def test_a_tap_shows_the_words_of_the_button_that_was_shown_last(rulebook: Rulebook) -> None:
    at = T0 + timedelta(minutes=2)
    tap = InboundMessage("t", ANNA, "m", Tap(button_id(KEY, "hours", 1, 3)), at, at)
    row = Came(3, InboxKind.INBOUND, b"{}", at, at, None, "taps", "hours")
    old, new = (ButtonsReply("?", (Button(label, "hours", 3),)) for label in ("Old", "New"))
    assert bubbles(shown(rulebook, left("a", 0, old), left("b", 1, new), (row, tap)))[-1].said.text == "New"


def test_a_decision_names_its_rule_with_file_and_line(rulebook: Rulebook) -> None:
    one, two, three = bubbles(
        shown(
            rulebook,
            came(1, 0, layer="rules", rule="welcome"),
            came(2, 1, layer="person"),
            came(3, 2, layer="nothing_matched", rule="otherwise"),
        )
    )
    assert one.why is not None
    assert two.why is not None
    assert three.why is not None
    place = rulebook.rules[0].place
    assert (one.why.words, one.why.place) == ("rule welcome", f"line {place.line} of shop.yaml")
    assert two.why.words == "a colleague has the conversation: the bot kept quiet"
    assert three.why.words == "nothing matched: rule otherwise"


@pytest.mark.parametrize("text", ["", "x", "1-2", "1-2-99999999999999999999", "-1-2-3", "9" * 19 + "-1-1"])
def test_a_place_that_makes_no_sense_means_the_newest(text: str) -> None:
    assert before_of(text) == Before()
    assert before_of("1-2-3").place == (1, 2)
    assert FROM_THE_END != (1, 2)


@pytest.mark.parametrize(
    ("query", "cursor"), [("-1_5", (-1, 5)), ("12_5", (12, 5)), ("x", None), ("1_2_3", None), ("9" * 30 + "_1", None)]
)
def test_a_cursor_goes_there_and_back(query: str, cursor: tuple[int, int] | None) -> None:
    after = asked_of({"cursor": query}).wanted.after
    assert (None if after is None else (after.first, after.second)) == cursor


def test_a_query_keeps_what_was_asked_for_and_nothing_else() -> None:
    asked = asked_of({"show": "unread", "q": " a \x00 b ", "team": "support", "evil": "1"})
    assert asked.query(before="7") == "?show=unread&q=a+b&team=support&before=7"
    assert asked_of({"show": "<script>"}).query() == ""
