"""What a person is told, worked out anew: a small reading of the rules of ``editions`` that shares no code with the deciding.

Three things are taken from what was said instead of being foretold: whether a reminder or a long silence led to its words, whether it
ended a question whose time was over, and what a stale "yes" meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile

from tests.store.editions import DIGITS

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
JOINED = timedelta(seconds=3)  # bubbles of one thought
NO_ANSWER_AFTER = timedelta(minutes=30)
CALL_LASTS = timedelta(seconds=40)  # its time and the grace after it
GIVE_BACK_AFTER = DAY
MARGIN = timedelta(minutes=2)
TRIES = 3
LOOP_AFTER, LOOP_WITHIN, LOOPS_SEEN = 10, timedelta(seconds=60), 12
AT_ONCE = 8  # events of one person in one turn
STOPPED, STARTED, NEARLY = "You are out.", "Welcome back.", "Do you mean STOP?"
THERE = "Still there?"
GONE = "That option is no longer there."


@dataclass(eq=False, slots=True)
class Pending:
    """An event that waits for its turn. ``word`` is what a person wrote, a backend told, a timer is called or a call came to;
    ``team`` and ``lasts`` are a colleague's, ``due_at`` a timer's, ``key`` the call's or the message's own."""

    id: int
    kind: str
    written_at: datetime
    ready_at: datetime
    word: str = ""
    key: str = ""
    team: str = ""
    lasts: timedelta | None = None
    due_at: datetime | None = None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How the person stands while a turn is decided. ``turned_by``: the message that stopped or started them."""

    stopped: bool
    turned_by: str
    marketing: bool
    newest_word: datetime | None


@dataclass(slots=True)
class _Asked:
    edition: str
    at: datetime
    deadline: datetime
    tries: int = 0


@dataclass(slots=True)
class _Calling:
    key: str
    edition: str
    until: datetime


Said = tuple[str, ...]
_HELD = ("held",)


@dataclass(slots=True)
class Talk:
    """One person's talk with the shop. ``question_is_open`` asks the database; only where the module says so."""

    who: str
    pending: list[Pending] = field(default_factory=list)
    asked: _Asked | None = None
    calling: _Calling | None = None
    team: str = ""
    team_until: datetime | None = None
    team_lasts: timedelta = GIVE_BACK_AFTER
    near: bool = False
    stale_yes: bool = False
    missed_at: datetime | None = None
    paused: dict[str, datetime] = field(default_factory=dict)  # until a minute after the last of them
    echoes: dict[str, list[datetime]] = field(default_factory=dict)  # what was exchanged last comes last
    live: str = ""  # the edition that answers
    is_quiet: bool = False  # nobody watches what was asked

    def turn(
        self,
        now: datetime,
        edition: str,
        standing: Standing,
        said: Callable[[int], Said],
        question_is_open: Callable[[int], bool],
    ) -> list[tuple[Pending, Said]]:
        """What one turn leads to, in order; what is held for a call stays pending."""
        self.live = edition
        self.pending.sort(key=lambda event: (event.written_at, event.id))
        claimed = [event for event in self.pending if not event.held or event.ready_at <= now][:AT_ONCE]
        batch = list(takewhile(lambda event: event.ready_at <= now, claimed))
        told: list[tuple[Pending, Said]] = []
        for position, event in enumerate(batch):
            waited = self.calling is not None
            following = next((e.written_at for e in batch[position + 1 :] if e.kind == "inbound"), None)
            words = self._answer(event, following, now, edition, standing, said, question_is_open)
            if words == _HELD:
                assert self.calling is not None
                event.held, event.ready_at = True, self.calling.until
                continue
            self.pending.remove(event)
            told.append((event, words))
            assert not self._overtakes(event, words), f"inbox row {event.id} was answered before what is held"
            if waited and self.calling is None:
                break
            if event.kind == "inbound" and words == (STOPPED,) and not standing.stopped:
                standing = Standing(True, event.key, standing.marketing, event.written_at)
        if self.calling is None:
            for event in self.pending:
                if event.held:
                    event.held, event.ready_at = False, now
        return told

    def _answer(
        self,
        event: Pending,
        following: datetime | None,
        now: datetime,
        edition: str,
        standing: Standing,
        said: Callable[[int], Said],
        question_is_open: Callable[[int], bool],
    ) -> Said:
        match event.kind:
            case "inbound":
                return self._hear(event, following, now, edition, standing, said(event.id))
            case "operator":
                self._acted(event, now)
                return ()
            case "api" | "timer" if self._waits(now) and not (event.kind == "timer" and standing.stopped):
                return _HELD
            case "api":
                return self._by_itself(self._told(event, standing))
            case "timer":
                return self._by_itself(self._timer(event, now, standing, said(event.id), question_is_open))
            case "call_result":
                return self._called(event, standing)
            case _:
                return ()

    def _overtakes(self, event: Pending, words: Said) -> bool:
        """Whether a message that was written before it, and was held, is not answered yet. STOP, START and what ends in silence may."""
        if event.kind != "inbound" or not words or words in ((STOPPED,), (STARTED,)):
            return False
        place = (event.written_at, event.id)
        return any(e.held and e.kind == "inbound" and (e.written_at, e.id) < place for e in self.pending)

    def _waits(self, now: datetime) -> bool:
        return self.calling is not None and now < self.calling.until

    # --- a message ------------------------------------------------------------------------------------------------------

    def _hear(
        self, event: Pending, following: datetime | None, now: datetime, edition: str, standing: Standing, said: Said
    ) -> Said:
        asked_before = self.asked
        late = now >= event.written_at + DAY - MARGIN
        layer, words, calls = self._layer(event, following, now, late, edition, standing, said)
        if words == _HELD:
            return words
        if self.asked is asked_before and self.asked is not None and layer != "person":
            self._keep_open(event, now, late)
        words = self._loop(event, layer, words, calls)
        if words and not late:
            self.stale_yes = words == (NEARLY,)
        return words

    def _layer(
        self,
        event: Pending,
        following: datetime | None,
        now: datetime,
        late: bool,
        edition: str,
        standing: Standing,
        said: Said,
    ) -> tuple[str, Said, bool]:
        word = event.word
        if word == "STOP":
            return "consent", self._stops(event, standing), False
        if word == "START" and not standing.stopped and standing.turned_by == event.key:
            self.missed_at = None
            return "consent", (STARTED,), False
        if standing.stopped:
            return "consent", (), False
        near = self.near
        if word == "yes" and (near or (self.stale_yes and said == (STOPPED,))):
            self.near = False
            return "near", self._stops(event, standing, confirmed=True), False
        if self.team and self.team_until is not None:
            if now < self.team_until:
                self.near = False
                self.team_until = max(self.team_until, event.written_at + self.team_lasts)
                return "person", (), False
            self.team, self.team_until = "", None
        if self.calling is not None:
            if now < self.calling.until:
                return "question", _HELD, False
            self.calling = None
        self.near = False
        if self._still_asked(event, now, late) and self.asked is not None:
            words = self._question(word, now, late, near)
            if words is not None:
                return "question", words, False
        if word == "yes" and self.stale_yes and said == (GONE,):
            self.missed_at = None
            return "taps", said, False
        if word == "please stop" and not near:
            self.near, self.missed_at = True, None
            return "near", (NEARLY,), False
        return self._rules(event, following, now, late, edition)

    def _stops(self, event: Pending, standing: Standing, confirmed: bool = False) -> Said:
        self.asked = self.calling = None
        self.near = self.stale_yes = False
        self.missed_at = None
        if confirmed:
            newest = standing.newest_word
            return (STOPPED,) if newest is None or event.written_at >= newest else ()
        return (STOPPED,) if standing.turned_by == event.key and standing.stopped else ()

    def _rules(
        self, event: Pending, following: datetime | None, now: datetime, late: bool, edition: str
    ) -> tuple[str, Said, bool]:
        said = self._rule(event, now, late, edition)
        if said is None:
            return "nothing_matched", self._missed(event, following, now, edition), False
        self.missed_at = None
        return f"rule {event.word}", said, event.word == "track"

    def _rule(self, event: Pending, now: datetime, late: bool, edition: str) -> Said | None:
        match event.word:
            case "hello":
                return (f"Hello! {edition}",)
            case "agent":
                self._hand_over("support", now, GIVE_BACK_AFTER)
                return (f"One moment. {edition}",)
            case "track":
                self.calling = _Calling(event.key, edition, now + CALL_LASTS)
                return ()
            case "number" if DIGITS[edition]:
                self.asked = None if late else _Asked(edition, now, now + NO_ANSWER_AFTER)
                return (f"Which one? {edition}",)
            case _:
                return None

    def _missed(self, event: Pending, following: datetime | None, now: datetime, edition: str) -> Said:
        at = event.written_at
        if self.missed_at is not None and abs(at - self.missed_at) <= JOINED:
            self.missed_at = max(at, self.missed_at)
            return ()
        if following is not None and now - at > HOUR and now - following > HOUR:
            return ()
        self.missed_at = at
        return (f"I did not get that. {edition}",)

    def _loop(self, event: Pending, layer: str, words: Said, calls: bool) -> Said:
        """The same answer to the same words over ten times in a minute is given no more."""
        if layer == "consent" or not (words or calls):
            return words
        # The same words of whichever edition and layer. A question that came too late to be answered is no question.
        answer = tuple(each[:-1] if each[-1] in DIGITS else each for each in words)
        key, at = f"{event.word}: {answer} {answer == ('Which one? ',) and self.asked is not None}", event.written_at
        self.paused = {other: last for other, last in self.paused.items() if abs(at - last) <= LOOP_WITHIN}
        self.echoes = {other: near for other, times in self.echoes.items() if (near := _near(times, at))}
        times = [*self.echoes.pop(key, []), at]
        self.echoes = dict([*self.echoes.items()][1 - LOOPS_SEEN :]) | {key: times}
        if key not in self.paused and len(times) <= LOOP_AFTER:
            return words
        self.paused[key] = at
        if calls:
            self.calling = None
        return ()

    # --- its question ---------------------------------------------------------------------------------------------------

    def _still_asked(self, event: Pending, now: datetime, late: bool) -> bool:
        asked = self.asked
        if asked is None or now < asked.at or (late and event.written_at < asked.at):
            return False
        if event.written_at > asked.deadline:
            self.asked = None
        return self.asked is not None

    def _keep_open(self, event: Pending, now: datetime, late: bool) -> None:
        if self._still_asked(event, now, late) and self.asked is not None:
            self.asked = _Asked(self.asked.edition, now, now + NO_ANSWER_AFTER, self.asked.tries)

    def _question(self, word: str, now: datetime, late: bool, near: bool) -> Said | None:
        """What the open question makes of it; None: it is another rule's, and the question is left."""
        asked = self.asked
        assert asked is not None
        if word.isdigit() and len(word) == DIGITS[asked.edition]:
            self.asked, self.missed_at = None, None
            return (f"Noted. {asked.edition}",)
        if word == "please stop" and not near:
            self.near, self.missed_at = True, None
            return (NEARLY,)
        if word in ("hello", "agent", "track") or (word == "number" and DIGITS[self.live]):
            self.asked = None
            return None
        self.missed_at = None
        if asked.tries + 1 >= TRIES:
            self.asked = None
            return (f"Never mind. {asked.edition}",)
        self.asked = None if late else _Asked(asked.edition, now, now + NO_ANSWER_AFTER, asked.tries + 1)
        return (f"Which one? {asked.edition}",)

    # --- all else -------------------------------------------------------------------------------------------------------

    def _by_itself(self, words: Said) -> Said:
        if words:
            self.near = self.stale_yes = False
        return words

    def _told(self, event: Pending, standing: Standing) -> Said:
        if standing.stopped:
            return ()
        if event.word == "order.ready":
            return ("It is ready.",)
        return ("sale",) if standing.marketing else ()

    def _called(self, event: Pending, standing: Standing) -> Said:
        calling = self.calling
        if calling is None or calling.key != event.key:
            return ()
        self.calling = None
        if standing.stopped:
            return ()
        self.stale_yes = False
        return (f"{'Found' if event.word == 'found' else 'Not found'}. {calling.edition}",)

    def _timer(
        self, event: Pending, now: datetime, standing: Standing, said: Said, question_is_open: Callable[[int], bool]
    ) -> Said:
        if standing.stopped or (self.team and (self.team_until is None or now < self.team_until)):
            return ()
        asked = self.asked
        if event.word != "question":
            assert event.due_at is not None
            if (
                asked is not None
                and (asked.deadline < event.due_at or asked.at + 4 * HOUR <= now)
                and not question_is_open(event.id)
            ):
                self.asked = None
            return said if said in ((), (THERE,)) else ("at most a reminder",)
        if asked is None or asked.deadline > now:
            return ()
        self.asked = None
        return (f"Time is up. {asked.edition}",)

    def _acted(self, event: Pending, now: datetime) -> None:
        holds = bool(self.team) and (self.team_until is None or event.written_at < self.team_until)
        team = self.team if holds else ""
        if event.word in ("gave_back", "closed"):
            self.team, self.team_until = "", None
            return
        if event.word == "wrote":
            self.stale_yes = False
        if event.team and event.team != team:
            self._hand_over(event.team, event.written_at, event.lasts or GIVE_BACK_AFTER)
            self.calling, self.near, self.stale_yes = None, False, False
        elif event.team and event.lasts is not None:
            self.team_until, self.team_lasts = event.written_at + event.lasts, event.lasts
        elif team:
            again = event.written_at + self.team_lasts
            self.team_until = again if self.team_until is None else max(self.team_until, again)

    def _hand_over(self, team: str, at: datetime, lasts: timedelta) -> None:
        self.team, self.team_until, self.team_lasts = team, at + lasts, lasts
        self.asked = None


def unheard(talks: Sequence[Talk], now: datetime) -> list[int]:
    """Events that should have had their turn by now."""
    return [event.id for talk in talks for event in talk.pending if event.ready_at <= now]


def _near(times: Sequence[datetime], at: datetime) -> list[datetime]:
    return [each for each in times if abs(at - each) <= LOOP_WITHIN]
