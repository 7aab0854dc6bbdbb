"""Calls to connections: what is asked, what waits meanwhile, and how the rule goes on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core.decision import Call
from bot.core.rule import Condition, Then, ValueTest
from bot.core.rulebook import Connection, Settings
from tests.core.build import (
    DIGITS_8,
    MISSED,
    PLACE,
    SKIP,
    ask,
    book,
    effects_of,
    happened,
    item,
    local,
    outcome,
    rule,
    says,
)
from tests.core.talking import Talk

ORDERS = Connection(
    "orders",
    local("https://erp.example/orders/{{order_number}}?for={{first_name|nobody}}"),
    PLACE,
    results=("status",),
    may_give=("eta",),
    timeout=timedelta(seconds=4),
    secret="ERP_TOKEN",
)
TRACK = rule(
    "track",
    says("track {order_number}", "track"),
    ask=(ask("order_number", DIGITS_8, "Number?"),),
    call="orders",
    reply=[
        item("Delayed!", condition=Condition(outcome="found", values=(ValueTest("result", "status", ("delayed",)),))),
        outcome("found", "{{order_number}}: {{status}}, arrives {{eta|soon}}."),
        outcome("not_found", "I cannot find {{order_number}}."),
        outcome("failed", goes_to="person"),
        outcome("given_up", goes_to="person"),
    ],
    then=Then(tag=("tracked",)),
)
PERSON = rule("person", says("agent"), reply="A colleague comes.")
OTHERWISE = rule("otherwise", MISSED, reply="Sorry?")
SETTINGS = Settings("Europe/Stockholm", ("en",), cancel_words=frozenset({"cancel"}))
SHOP = book(TRACK, PERSON, OTHERWISE, settings=SETTINGS, connections=(ORDERS,))


def called() -> Talk:
    talk = Talk(SHOP)
    talk.says("track")
    assert talk.says("12345678") == []
    assert talk.call is not None
    return talk


def test_a_call_says_all_that_the_caller_needs() -> None:
    talk = called()
    assert effects_of(talk.decision, Call) == [
        Call(
            "e-2", "orders", "track", "GET", "https://erp.example/orders/12345678?for=nobody", {}, 4.0, "ERP_TOKEN", ("status",), ("eta",)
        )
    ]  # fmt: skip
    assert not talk.state.waiting, "somebody will answer"


def test_values_in_the_address_are_encoded() -> None:
    free = replace(TRACK, ask=())
    talk = Talk(book(free, PERSON, connections=(ORDERS,)))
    talk.says("track a/b?c")
    assert talk.call is not None
    assert talk.call.url == "https://erp.example/orders/a%2Fb%3Fc?for=nobody"


def test_a_post_sends_values() -> None:
    post = replace(ORDERS, method="POST", url=local("https://erp.example/orders"), send=("order_number",))
    talk = Talk(book(replace(TRACK, ask=()), connections=(post,)))
    talk.says("track 77")
    assert talk.call is not None
    assert (talk.call.method, talk.call.body) == ("POST", {"order_number": "77"})


def test_found_not_found_and_branches_on_results() -> None:
    assert called().answers("found", {"status": "packed"}) == ["12345678: packed, arrives soon."]
    assert called().answers("found", {"status": "packed", "eta": "Friday"}) == ["12345678: packed, arrives Friday."]
    assert called().answers("found", {"status": "Delayed"}) == ["Delayed!"]
    assert called().answers("not_found") == ["I cannot find 12345678."]


def test_after_the_answer_the_rule_is_over() -> None:
    talk = called()
    talk.answers("found", {"status": "packed"})
    assert talk.decision.because.layer == "call"
    assert talk.decision.because.path == ("track",)
    assert talk.conversation.person.tags == {"tracked"}
    assert talk.state.call is None
    assert talk.says("hm") == ["Sorry?"]


def test_a_call_that_fails_goes_on_elsewhere_with_the_reason_kept() -> None:
    talk = called()
    assert talk.answers("failed", why="erp.example did not answer within 4 seconds.") == ["A colleague comes."]
    assert any("did not answer within 4 seconds" in note for note in talk.decision.because.notes)


def test_messages_wait_while_a_call_is_under_way() -> None:
    talk = called()
    before = talk.state
    assert talk.says("hello?", later=timedelta(seconds=1)) == []
    assert talk.decision.outcome == "held"
    assert talk.decision.effects == ()
    assert talk.state == before


def test_events_wait_too() -> None:
    talk = Talk(
        book(TRACK, PERSON, rule("ready", happened("ready"), reply="Ready!", if_closed=SKIP), connections=(ORDERS,))
    )
    talk.says("track 12345678")
    talk.event("ready")
    assert talk.decision.outcome == "held"


def test_stop_does_not_wait_and_drops_the_call() -> None:
    talk = called()
    assert talk.says("STOP", later=timedelta(seconds=1)) == ["You get no more messages."]
    assert talk.answers("found", {"status": "packed"}) == []
    assert talk.decision.outcome == "ignored"


def test_a_cancel_word_leaves_the_call() -> None:
    talk = called()
    assert talk.says("cancel", later=timedelta(seconds=1)) == ["All right, we leave it there."]
    assert talk.answers("found", {"status": "packed"}) == []


def test_nothing_waits_for_an_answer_that_never_comes() -> None:
    talk = called()
    assert talk.says("hello?", later=timedelta(seconds=40)) == ["Sorry?"]
    assert talk.state.call is None


def test_the_answer_of_an_older_call_counts_for_nothing() -> None:
    talk = called()
    old, talk.call = talk.call, None
    talk.says("hello?", later=timedelta(seconds=40))
    talk.says("track 11111111")
    new, talk.call = talk.call, old
    assert talk.answers("found", {"status": "old"}) == []
    talk.call = new
    assert talk.answers("found", {"status": "new"}) == ["11111111: new, arrives soon."]


def test_an_answer_goes_on_in_the_rulebook_that_called() -> None:
    talk = called()
    talk.edit(book(PERSON, OTHERWISE, version=2))
    assert talk.answers("found", {"status": "packed"}) == ["12345678: packed, arrives soon."]
    assert talk.decision.because.pinned == 1


def test_an_address_that_cannot_be_made_fails_at_once() -> None:
    talk = Talk(book(replace(TRACK, ask=()), PERSON, connections=(ORDERS,)))
    assert talk.says("track " + "x" * 2100) == ["A colleague comes."]
    assert talk.call is None


@pytest.mark.parametrize("outcome_", ["found", "failed"])
def test_the_call_of_an_events_rule(outcome_: str) -> None:
    told = rule(
        "told",
        happened("order.paid"),
        call="orders",
        reply=[outcome("found", "Paid: {{status}}"), item("Paid.")],
        if_closed=SKIP,
    )
    talk = Talk(book(told, connections=(ORDERS,)))
    talk.event("order.paid", order_number="1")
    said = talk.answers(outcome_, {"status": "ok"} if outcome_ == "found" else {})  # type: ignore[arg-type]
    assert said == (["Paid: ok"] if outcome_ == "found" else ["Paid."])


def test_the_values_learnt_go_on_to_the_next_rule() -> None:
    human = rule("person", says("agent"), reply="About {{order_number|nothing}}: a colleague comes.")
    talk = Talk(book(TRACK, human, connections=(ORDERS,)))
    talk.says("track 12345678")
    assert talk.answers("failed") == ["About 12345678: a colleague comes."]
