"""A failure by which WhatsApp tells that the person wants no marketing is a row of the ledger, whatever else the failure leads to."""

from dataclasses import replace

from bot.core.effect_codec import effects_digest
from bot.core.event import ContactKey, DeliveryReceipt, Event, Reason
from bot.core.ledger import MARKETING_STOPPED
from bot.core.reply import TextReply
from bot.core.rulebook import Rulebook, Rulebooks
from bot.store.units import Accepted, InboxKind, Incoming, Started, TraceView
from bot.work.explain import decide_again
from tests.store.making import ANNA
from tests.work import test_receipts
from tests.work.test_receipts import Road, words

road, rulebook = test_receipts.road, test_receipts.rulebook


async def is_unwanted(road: Road, started: Started) -> tuple[list[Started], DeliveryReceipt]:
    """Sinch took it, and WhatsApp did not deliver it as marketing is not wanted; what leaves then, and the receipt."""
    id_, now = f"W{started.attempt_id}", road.now()
    await road.store.finish([Accepted(started.attempt_id, id_)], now)
    reason = Reason("CHANNEL_FAILURE", "", "", "131050")
    event = DeliveryReceipt(f"rcpt:{id_}", started.contact, id_, started.outbox_id, "FAILED", now, now, reason)
    await road.store.record([Incoming(event, InboxKind.RECEIPT, b"{}")], now)
    return await road.leaves(), event


async def trace_of(road: Road, event: Event) -> TraceView:
    """Of the newest decision about Anna, which is about ``event``."""
    trace = await road.store.last_trace(ANNA)
    assert trace is not None
    assert trace.kind is InboxKind.RECEIPT
    return trace


async def decided_alike(road: Road, event: Event, rulebook: Rulebook) -> list[str]:
    """The notes of the decision made again from its trace, which comes out the same."""
    trace = await trace_of(road, event)
    again = decide_again(trace, replace(road.deciding, read=lambda kind, raw, received_at: event), Rulebooks(rulebook))
    assert effects_digest(again) == trace.digest
    return list(again.because.notes)


async def stopped(road: Road, who: ContactKey = ANNA) -> list[tuple[str, str, str]]:
    return [(row.purpose, row.state, row.source) for row in await road.store.contacts.ledger_rows(who)]


NOTE = "WhatsApp told that the person wants no marketing from us (131050)."


async def test_it_is_a_marketing_stop_and_still_an_event_for_the_rules(road: Road, rulebook: Rulebook) -> None:
    (plain,) = await road.says("plain")
    leaves, event = await is_unwanted(road, plain)
    assert words(leaves) == [TextReply("Did you get that?")]
    assert await stopped(road) == [("marketing", "stopped", MARKETING_STOPPED)]
    consent = (await road.store.standing(ANNA)).consent
    assert (consent.marketing, consent.stopped) == ("stopped", False)
    assert await decided_alike(road, event, rulebook) == [NOTE]


async def test_a_failure_that_is_no_event_for_the_rules_tells_it_as_well(road: Road, rulebook: Rulebook) -> None:
    """The message that failed came of another's failure, so the rules are not asked again."""
    (plain,) = await road.says("plain")
    (sorry,) = await road.fails(plain)
    assert await stopped(road) == []
    leaves, event = await is_unwanted(road, sorry)
    assert leaves == []
    assert await stopped(road) == [("marketing", "stopped", MARKETING_STOPPED)]
    assert NOTE in await decided_alike(road, event, rulebook)
