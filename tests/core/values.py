"""Any value of the core, for property tests: what hypothesis draws."""

from datetime import UTC, timedelta

from hypothesis import strategies as st

from bot.core.conversation import Consent, Conversation, Echo, OpenQuestion, Person, ShownOption, State, Window
from bot.core.decision import Call, ChangeConsent, DropTimer, HandOver, Send, SetPerson, SetTimer, TellBackend
from bot.core.event import ContactKey
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
    Section,
    TemplateReply,
    TextReply,
)

text = st.text(max_size=12)
texts = st.dictionaries(text, text, max_size=3)
moments = st.datetimes(timezones=st.just(UTC))
maybe_moments = st.none() | moments
numbers = st.integers(0, 10**9)
floats = st.floats(-180, 180)

button = st.builds(Button, text, text, numbers, text)
buttons = st.lists(button, max_size=3).map(tuple)
sections = st.lists(st.builds(Section, text, buttons), max_size=3).map(tuple)

replies = st.one_of(
    st.builds(TextReply, text),
    st.builds(ButtonsReply, text, buttons, text, text, text),
    st.builds(ListReply, text, text, sections, text, text),
    st.builds(MediaReply, text, text, text, text),
    st.builds(LocationReply, floats, floats, text, text),
    st.builds(ContactReply, text, text, text, text),
    st.builds(LinkReply, text, text, text),
    st.builds(FlowReply, text, text, text, text, text, text),
    st.builds(TemplateReply, text, text, texts, text, buttons, text),
    st.builds(OmniTemplateReply, text, text, texts, text, text),
)

questions = st.builds(OpenQuestion, text, text, numbers, moments, maybe_moments, numbers, texts)
durations = st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds))
states = st.builds(
    State,
    misses=numbers,
    missed_at=maybe_moments,
    last_rule=text,
    options=st.lists(st.builds(ShownOption, text, numbers, text), max_size=3).map(tuple),
    options_version=numbers,
    hint=text,
    question=st.none() | questions,
    in_charge=text,
    in_charge_until=maybe_moments,
    in_charge_for=durations,
    echoes=st.lists(st.builds(Echo, text, st.lists(moments, min_size=1, max_size=3).map(tuple)), max_size=3).map(tuple),
    waiting=st.booleans(),
)

contacts = st.builds(ContactKey, text, text, text)
conversations = st.builds(
    Conversation,
    contacts,
    st.builds(Person, numbers, text, text, texts, st.frozensets(text, max_size=3)),
    st.builds(Window, maybe_moments),
    st.builds(
        Consent, st.booleans(), maybe_moments, st.sampled_from(["unknown", "opted_in", "stopped"]), st.booleans(), text
    ),
    states,
    st.booleans(),
    maybe_moments,
    durations,
)

effects = st.one_of(
    st.builds(
        Send, replies, contacts, text, numbers, text, st.sampled_from(["wait", "skip", "fail"]) | replies, maybe_moments
    ),
    st.builds(
        SetPerson,
        st.none() | text,
        st.dictionaries(text, st.none() | text, max_size=2),
        st.lists(text, max_size=2).map(tuple),
    ),
    st.builds(Call, text, text, text, url=text, body=texts, timeout_s=st.floats(0, 60), secret=text),
    st.builds(SetTimer, text, moments, texts),
    st.builds(DropTimer, text),
    st.builds(
        ChangeConsent, st.sampled_from(["all", "marketing"]), st.sampled_from(["stopped", "opted_in"]), text, moments
    ),
    st.builds(HandOver, text),
    st.builds(TellBackend, text, texts),
)
