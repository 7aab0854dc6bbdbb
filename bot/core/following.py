"""Following a rule: its questions, its call, its reply, what it does then, and where it goes to."""

from __future__ import annotations

from datetime import timedelta

from bot.core.answer import read_text
from bot.core.conditions import failure
from bot.core.conversation import OpenCall, OpenFlow
from bot.core.decision import Call, Considered
from bot.core.draft import Draft
from bot.core.filling import Unsayable, fill_url
from bot.core.posing import pose
from bot.core.rule import ALWAYS, NO_THEN, Happened, Rule, Say, SayFlow
from bot.core.rulebook import Connection
from bot.core.scene import Scene
from bot.core.speaking import speak
from bot.core.then import carry_out, hand_over
from bot.core.uses import used_up, with_use

MOST_HOPS = 10  # goes_to in one decision
CALL_GRACE = timedelta(seconds=30)  # an answer that is not recorded so long after its time-out never comes


def fit(rule: Rule, scene: Scene) -> tuple[int, str]:
    """Which reply item of ``rule`` holds (-1: that is not known yet, or it has none), and why the rule cannot answer (empty: it can).

    ``when`` is not asked: what led here is the caller's reason.
    """
    if not rule.enabled:
        return -1, "it is switched off"
    if rule.condition is not ALWAYS:
        failed = failure(rule.condition, scene)
        if failed:
            return -1, failed
    if rule.at_most is not None and (often := used_up(rule, scene)):
        return -1, often
    if rule.ask or rule.call or not rule.reply:
        return -1, ""
    case = _case(rule, scene)
    return (case, "") if case >= 0 else (-1, "none of its replies holds now")


def _case(rule: Rule, scene: Scene) -> int:
    """The first reply whose conditions hold. What a flow answered is not answered with the flow again, and silence only by a reply that
    is there for it."""
    for case, item in enumerate(rule.reply):
        if not scene.outcome and item.condition is ALWAYS:
            return case  # as most often
        if scene.outcome == "no_answer" != item.condition.outcome:
            continue
        if item.condition is ALWAYS or not failure(item.condition, scene):
            if scene.outcome == "answered" and _has_results(item.says):
                continue
            return case
    return -1


def _has_results(says: tuple[Say, ...]) -> bool:
    """Whether a flow among them goes on once it is answered."""
    if len(says) == 1:  # as nearly always: a generator costs more than all the rest of it
        return isinstance(says[0], SayFlow) and bool(says[0].results)
    return any(isinstance(spec, SayFlow) and spec.results for spec in says)


def missing_needs(rule: Rule, event: str, scene: Scene) -> str:
    """The values that an event must bring for ``rule`` and did not, as half a sentence; empty when all are there."""
    for trigger in rule.triggers:
        if isinstance(trigger, Happened) and trigger.event == event:
            missing = [name for name in trigger.needs if not scene.given.get(name, "").strip()]
            return f"the event brought no {', '.join(missing)}" if missing else ""
    return ""


def follow(draft: Draft, rule: Rule, case: int) -> None:
    """Ask what ``rule`` asks and call whom it calls, else answer with its item ``case``; then do what it says under ``then``."""
    draft.path.append(rule.name)
    if rule.at_most is not None:
        draft.scene.uses = with_use(rule, draft.scene)
    if rule.ask or rule.call:
        draft.scene.answers = draft.scene.results = {}
        draft.scene.hours = _hours_of(rule, -1, draft.scene)
        ask_on(draft, rule)
    else:
        deliver(draft, rule, case)


def ask_on(draft: Draft, rule: Rule) -> None:
    """Ask the first question of ``rule`` that nothing answers yet; when all are answered, go on. What a sentence filled is not asked."""
    scene = draft.scene
    for position, question in enumerate(rule.ask):
        if question.slot in scene.answers:
            continue
        said = scene.slots.get(question.slot) or scene.given.get(question.slot)
        value = read_text(said, question.must_be, scene) if said else None
        if value is None:
            pose(draft, rule, position, question.text)
            return
        scene.answers = {**scene.answers, question.slot: value}
    if draft.question is not None and draft.question.rule == rule.name:
        draft.question = None
    if rule.call:
        _call(draft, rule)
    else:
        conclude(draft, rule, "answered")


def conclude(draft: Draft, rule: Rule, outcome: str) -> None:
    """The questions or the call of ``rule`` came out so: answer with the first reply that holds, then do what comes after it."""
    scene = draft.scene
    scene.outcome = outcome
    scene.hours = _hours_of(rule, -1, scene)
    case = _case(rule, scene)
    if case >= 0 or not rule.reply:
        deliver(draft, rule, case)
        return
    draft.excused = outcome == "no_answer"
    draft.note(f"Rule {rule.name} says nothing for the outcome {outcome}.")


def deliver(draft: Draft, rule: Rule, case: int) -> None:
    """Answer with item ``case`` of ``rule``, then do what it says under ``then``."""
    draft.case = case
    draft.scene.hours = _hours_of(rule, case, draft.scene)
    if case >= 0:
        item = rule.reply[case]
        if item.goes_to:
            go_to(draft, item.goes_to, rule)
        else:
            speak(draft, rule, item)
            if (
                _has_results(item.says)
                and draft.scene.window_open
                and draft.sends
                and draft.sends[-1].rule == rule.name
            ):
                draft.flow = OpenFlow(rule.name, draft.scene.rulebook.version, draft.scene.now)
    then = rule.then
    if then is NO_THEN:
        return
    carry_out(draft, rule)
    if then.goes_to:
        go_to(draft, then.goes_to, rule)
    if then.hand_over:
        hand_over(draft, then.hand_over, then.give_back_after)


def go_to(draft: Draft, name: str, source: Rule) -> None:
    """Go on with the rule of that name; where it refuses and nobody has answered yet, ``nothing_matched`` does."""
    if len(draft.path) > MOST_HOPS:
        draft.in_trouble = True
        draft.note(
            f"Rule {source.name} goes to {name}, but {MOST_HOPS} rules went on to another before it. Break the circle."
        )
        return
    _pass_on(draft.scene)
    target = draft.scene.rulebook.rule(name)
    case, refused = fit(target, draft.scene) if target is not None else (-1, "there is no such rule")
    place = source.place if target is None else target.place
    draft.considered.append(Considered(name, place, f"goes_to of {source.name}", refused))
    if target is not None and not refused:
        follow(draft, target, case)
        return
    draft.note(f"Rule {source.name} goes to {name}, which cannot answer: {refused}.")
    fall_back(draft)


def _pass_on(scene: Scene) -> None:
    """The next rule finds what this one learnt among its slots, and has questions and an outcome of its own."""
    scene.outcome = ""
    if scene.answers or scene.results:
        scene.slots = {**scene.slots, **scene.answers, **scene.results}
        scene.answers = scene.results = {}


def fall_back(draft: Draft) -> None:
    """What we wanted to answer cannot be: say what ``nothing_matched`` says, once, and only to a person who got no answer yet."""
    if not draft.answers or draft.sends or draft.fell_back or draft.excused:
        return
    draft.fell_back = True
    scene = draft.scene
    for position in scene.rulebook.on_nothing_matched:
        rule = scene.rulebook.rules[position]
        case, refused = fit(rule, scene)
        draft.considered.append(Considered(rule.name, rule.place, "nothing_matched", refused))
        if not refused:
            follow(draft, rule, case)
            return


def _call(draft: Draft, rule: Rule) -> None:
    scene = draft.scene
    connection = scene.rulebook.connections.get(rule.call)
    try:
        call = None if connection is None else _filled(draft, rule, connection)
    except Unsayable as why:
        draft.note(f"Rule {rule.name} could not ask {rule.call}. {why}")
        call = None
    waiting = draft.call
    if call is None or connection is None or (waiting is not None and scene.now < waiting.until):
        draft.note(f"The connection {rule.call} is not asked.")
        conclude(draft, rule, "failed")
        return
    if waiting is not None and waiting.replying:
        draft.in_trouble = True  # whoever waited for that answer never got one
    draft.calls = (*draft.calls, call)
    until = scene.now + connection.timeout + CALL_GRACE
    version = scene.rulebook.version
    draft.call = OpenCall(
        call.key, rule.name, version, call.connection, until, draft.answers, scene.answers, scene.slots, scene.given
    )
    draft.excused = True
    draft.note(f"The connection {rule.call} is asked; its answer comes as an event of its own.")


def _filled(draft: Draft, rule: Rule, connection: Connection) -> Call:
    scene = draft.scene
    return Call(
        scene.key,
        connection.name,
        rule.name,
        connection.method,
        fill_url(connection.url, scene, f"address of connection {connection.name}"),
        {name: scene.value(name) for name in connection.send},
        connection.timeout.total_seconds(),
        connection.secret,
        connection.results,
        connection.may_give,
    )


def _hours_of(rule: Rule, case: int, scene: Scene) -> str:
    """The hours that a reply speaks of: those of its own condition, else the rule's, else the first in the rulebook."""
    own = rule.reply[case].condition if case >= 0 else rule.condition
    named = ""
    if own is not ALWAYS or rule.condition is not ALWAYS:
        named = own.during or own.outside or rule.condition.during or rule.condition.outside
    return named or next(iter(scene.rulebook.hours), "")
