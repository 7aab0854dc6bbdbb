"""What the network does in a story: what becomes of attempts, receipts, answers of connections."""

from __future__ import annotations

from typing import Literal

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.store.books import RANKS
from tests.store.business import WITHIN
from tests.store.story import Story

named = st.sampled_from([True, True, False])


class Network(Story):
    """Each rule is something that Sinch, or a connection, does or fails to do."""

    # --- the network ----------------------------------------------------------------------------------------------------

    @rule(limit=st.sampled_from([1, 10]))
    def starts(self, limit: int) -> None:
        self.started(limit)

    @precondition(lambda self: any(self.in_flight()))
    @rule(data=st.data(), how=st.sampled_from(["sent", "sent", "sent", "busy", "bad", "lost"]))
    def ends(self, data: st.DataObject, how: str) -> None:
        started = data.draw(st.sampled_from(self.in_flight()))
        self.finishes(started, how)

    @precondition(lambda self: self.books.taken or any(self.in_flight()))
    @rule(data=st.data(), status=st.sampled_from(list(RANKS)), code=st.sampled_from(["131026", "131050"]), named=named)
    def receipt(self, data: st.DataObject, status: str, code: str, named: bool) -> None:
        """Of what Sinch has, also before it told us so; without our own id where another program of the account wrote it."""
        early = [(each, self.message_id(each)) for each in self.in_flight()]
        started, message_id = data.draw(st.sampled_from([*self.books.taken, *early]))
        if (started, message_id) in early:
            self.takes(started, message_id)
            self.happened["early receipt"] += 1
        raw = self.business.receipt(started, message_id, status, code, named)
        if self.hears(raw):
            self.raws.append((raw, started.contact.identity))
            whose = self.books.gets_receipt(started.outbox_id, message_id, status, named)
            self.books.expected["receipt", ""] += 1
            self.happened[status] += 1
            if whose and (status, code) == ("FAILED", "131050"):
                self.decides()
                self.books.says(started.contact.identity, "marketing", "stopped", self.business.now)

    # --- calls ----------------------------------------------------------------------------------------------------------

    @rule()
    def calls(self) -> None:
        self.call()

    @precondition(lambda self: self.calling or self.ended)
    @rule(data=st.data(), outcome=st.sampled_from(["found", "found", "not_found", "failed"]))
    def call_ends(self, data: st.DataObject, outcome: Literal["found", "not_found", "failed"]) -> None:
        """An answer that comes after a restart, or once more, counts for nothing."""
        self.call_ended(data.draw(st.sampled_from([*self.calling, *self.ended])), outcome)

    @precondition(lambda self: any(self.in_flight()))
    @rule(data=st.data(), times=st.integers(2, 3))
    def is_lost_again(self, data: st.DataObject, times: int) -> None:
        """Sent once more where nobody knows what came of it, and that is all."""
        started = data.draw(st.sampled_from(self.in_flight()))
        for _ in range(times):
            if started not in self.in_flight():
                break
            self.finishes(started, "lost")
            self.business.passes(WITHIN)
            self.reconcile(True)
            started = next((each for each in self.started(10) if each.outbox_id == started.outbox_id), started)

    @rule(again=st.booleans())
    def reconciles(self, again: bool) -> None:
        self.reconcile(again)
