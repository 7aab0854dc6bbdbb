"""The same inputs give the same decision, nobody's inputs are changed, and no message goes without an answer or a reason."""

import copy
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.codec import (
    conversation_from_plain,
    conversation_to_plain,
    effects_digest,
    state_from_plain,
    state_to_plain,
)
from bot.core.conversation import Consent, Conversation, State, Window
from bot.core.decide import after, decide
from bot.core.decision import Decision, Send
from bot.core.event import (
    Content,
    Event,
    FlowAnswer,
    InboundMessage,
    Location,
    Media,
    MediaKind,
    OwnTap,
    Tap,
    Text,
    Unreadable,
)
from bot.core.reply import is_template
from bot.core.rule import Condition, Then
from bot.core.rulebook import Rulebooks
from tests.core.build import (
    FIRST,
    MISSED,
    NOW,
    SKIP,
    book,
    buttons,
    by_template,
    event,
    happened,
    item,
    person,
    rule,
    says,
    sends,
    talk,
    taps,
    template,
    wrote,
)

BOOK = book(
    rule(
        "hours",
        says(en=["opening hours"], sv=["öppettider"]),
        reply=[item("until {{closing_time}}", condition=Condition(during="shop")), item("closed")],
    ),
    rule("track", says("track {number}"), taps("track"), reply="{{number|which}}?", then=Then(tag=("tracks",))),
    rule("person", says("human"), reply="Coming", then=Then(hand_over="support")),
    rule("loop", says("loop"), reply=[item(goes_to="loop")]),
    rule("hush", says("hush"), reply=[item()]),
    rule("photo", sends("image", "location", "flow"), if_closed=SKIP),
    rule("shipped", happened("order.shipped", "n"), reply="{{n}} left", if_closed=by_template("shipped")),
    rule("menu", says("menu", "hi"), reply=buttons("Hi {{first_name|there}}", ("Track", "track"), ("Gone", "gone"))),
    rule("new", FIRST),
    rule("otherwise", MISSED, then=Then(misses_count=2, misses_goes_to="person")),
    templates=[template("shipped", "n")],
)

WORDS = "opening hours,öppettider,track 12,human,loop,hush,menu,hi,stop,START,1,2,gone,track,qwerty,,🙂,???".split(",")
contents: st.SearchStrategy[Content] = st.one_of(
    st.sampled_from(WORDS).map(Text),
    st.text(max_size=20).map(Text),
    st.sampled_from(["track", "gone", "nowhere", "hours"]).map(lambda name: OwnTap(name, 1, 0, "signed")),
    st.sampled_from(["Track", "stop", "x"]).map(Tap),
    st.sampled_from(
        [Media("https://x.example/a", MediaKind.IMAGE, "menu"), Media("https://x.example/b", None), Location(1, 2)]
    ),
    st.sampled_from([FlowAnswer("f", {"a": "b"}), Unreadable("x")]),
)
seconds = st.integers(0, 200_000).map(lambda found: timedelta(seconds=found))
messages = st.builds(
    lambda content, age, name: wrote(content, NOW - age, f"in-{name}"), contents, seconds, st.integers(0, 9)
)
events: st.SearchStrategy[Event] = messages | st.sampled_from(
    [event("order.shipped", n="7"), event("order.shipped"), event("x")]
)
conversations = st.builds(
    talk,
    st.builds(
        State,
        misses=st.integers(0, 3),
        missed_at=st.none() | st.just(NOW),
        in_charge=st.sampled_from(["", "", "support"]),
    ),
    st.builds(person, st.sampled_from(["", "en", "sv", "de"])),
    st.builds(Consent, st.sampled_from([False, False, True]), st.none() | st.just(NOW - timedelta(hours=1))),
    st.builds(lambda left: Window(NOW + left), seconds) | st.just(Window()),
    st.booleans(),
)


@settings(deadline=None)
@given(st.lists(events, min_size=1, max_size=6), conversations)
def test_deciding_again_gives_the_same_also_from_what_was_stored(
    story: list[Event], conversation: Conversation
) -> None:
    rulebooks = Rulebooks(BOOK)
    for each in story:
        before = copy.deepcopy(conversation)
        decision = decide(each, conversation, rulebooks, NOW)
        assert conversation == before, "decide changes nothing it is given"
        stored = conversation_from_plain(conversation_to_plain(conversation))
        again = decide(each, stored, rulebooks, NOW)
        assert again == decision
        assert effects_digest(again) == effects_digest(decision)
        assert state_from_plain(state_to_plain(decision.state)) == decision.state
        conversation = after(conversation, each, decision)


@settings(deadline=None)
@given(st.lists(messages, min_size=1, max_size=6), conversations)
def test_every_message_ends_in_a_reply_a_person_or_a_silence_with_its_reason(
    story: list[InboundMessage], conversation: Conversation
) -> None:
    for each in story:
        decision = decide(each, conversation, Rulebooks(BOOK), NOW)
        assert (
            any(isinstance(effect, Send) for effect in decision.effects)
            or decision.state.waiting
            or decision.because.notes
        )
        assert decision.outcome == "decided"
        _never_against_consent_or_window(each, conversation, decision)
        conversation = after(conversation, each, decision)


def _never_against_consent_or_window(each: Event, conversation: Conversation, decision: Decision) -> None:
    late = NOW - getattr(each, "written_at", NOW) >= timedelta(hours=24) - conversation.margin
    for position, send in enumerate(effect for effect in decision.effects if isinstance(effect, Send)):
        assert send.position == position
        if late and not is_template(send.reply) and not send.waits:
            assert send.not_after is not None
            assert send.not_after <= NOW
        if conversation.consent.stopped and not send.confirms_stop:
            assert decision.because.consent != "stopped", "only a START reopens"
