"""The rules as the page shows them: the list in order of precedence, and what is known of the chosen one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal, get_args

from markupsafe import Markup

from bot.core.rule import Rule
from bot.core.rulebook import Rulebook
from bot.rulebook.graph import Graph, svg
from bot.rulebook.graph.model import Exit, Node
from bot.rulebook.problem import Problem, closest
from bot.rulebook.readback import read_back
from bot.store.tallies import Total
from bot.web.admin.rule_text import quoted, visible
from bot.web.admin.rules_desk import TO_RULE, Book, Week

Show = Literal["all", "never", "problems", "off"]
SHOWS: Final[Mapping[Show, str]] = {
    "all": "All",
    "never": "Never matched this week",
    "problems": "With problems",
    "off": "Switched off",
}
SEARCH_MAX: Final = 100
FOLLOWERS_MOST: Final = 6
WAYS_MOST: Final = 40
DRAWN_MOST: Final = 40  # nodes of a picture that is drawn while somebody waits
TOP_MOST: Final = 10
_HOW: Final = {
    "button": "button",
    "goes_to": "goes to",
    "case": "case",
    "reminder": "reminder",
    "hand_over": "hand-over",
    "template": "template",
    "start": "starts it",
}


@dataclass(frozen=True, slots=True)
class Look:
    """Which rules are listed: what the address of the page says. Nonsense counts as nothing."""

    search: str = ""
    show: Show = "all"

    def query(self, **more: str) -> str:
        """The query of a link that keeps it."""
        kept = {"q": self.search, "show": "" if self.show == "all" else self.show, **more}
        return "&".join(f"{name}={quoted(value)}" for name, value in kept.items() if value)


def look_of(query: Mapping[str, str]) -> Look:
    """As the address says."""
    show = query.get("show", "all")
    known: Show = next((each for each in get_args(Show) if each == show), "all")
    return Look(query.get("q", "").strip()[:SEARCH_MAX], known)


@dataclass(frozen=True, slots=True)
class Row:
    """A rule in the list. ``share`` is of the most frequent one, in percent."""

    name: str
    href: str
    matched: int
    share: float
    undelivered: int
    errors: int
    warnings: int
    is_off: bool
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class File:
    """A file and those of its rules that are listed."""

    name: str
    href: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """The list. ``total`` counts all rules, ``found`` those listed."""

    files: tuple[File, ...]
    total: int
    found: int


def listing(book: Book, week: Week, problems: Sequence[Problem], look: Look, chosen: str) -> Listing:
    """The files and rules in their order of precedence."""
    wrong = problems_of_rules(book, problems)
    texts = _texts(book.graph) if look.search else {}
    most = max(week.matched.values(), default=0) or 1
    rows = [
        (rule.place.file, _row(rule, week, wrong.get(rule.name, ()), most, look, chosen))
        for rule in book.rulebook.rules
        if not look.search or look.search.casefold() in texts.get(rule.name, rule.name.casefold())
    ]
    wanted = [(file, row) for file, row in rows if _is_wanted(row, look.show)]
    files = tuple(
        File(file, f"/admin/rules?{look.query(file=file)}", tuple(row for _, row in of_file))
        for file, of_file in groupby(wanted, key=lambda each: each[0])
    )
    return Listing(files, len(book.rulebook.rules), len(wanted))


def _row(rule: Rule, week: Week, wrong: Sequence[Problem], most: int, look: Look, chosen: str) -> Row:
    matched = week.matched.get(rule.name, 0)
    errors = sum(each.severity == "error" for each in wrong)
    return Row(
        rule.name,
        f"/admin/rules?{look.query(rule=rule.name)}",
        matched,
        round(max(100 * matched / most, 1.0 if matched else 0.0), 1),
        week.undelivered.get(rule.name, 0),
        errors,
        len(wrong) - errors,
        not rule.enabled,
        rule.name == chosen,
    )


def _is_wanted(row: Row, show: Show) -> bool:
    match show:
        case "never":
            return not row.matched and not row.is_off
        case "problems":
            return bool(row.errors or row.warnings)
        case "off":
            return row.is_off
        case _:
            return True


def _texts(graph: Graph) -> dict[str, str]:
    """What a search looks through: the name, what the rule hears, and how its reply begins."""
    return {
        node.title: " ".join((node.title, *node.lines, node.reply)).casefold()
        for node in graph.nodes
        if node.kind == "rule"
    }


def problems_of_rules(book: Book, problems: Sequence[Problem]) -> dict[str, list[Problem]]:
    """Problems by the rule that they stand in, as far as that can be told from their places."""
    found: dict[str, list[Problem]] = {}
    for each in problems:
        source = book.sources.get(each.place.file)
        name = source.rule_at(each.place.line) if source is not None else ""
        if name:
            found.setdefault(name, []).append(each)
    return found


# --- the chosen rule ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Way:
    """A way to or from a rule. ``href`` empty: it leads to no rule. ``dead`` says why it leads nowhere."""

    how: str
    label: str
    title: str
    kind: str
    href: str
    dead: str = ""


@dataclass(frozen=True, slots=True)
class Follower:
    """A rule that answered next, how often, and in percent of the most frequent one."""

    name: str
    href: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Chosen:
    """All that is shown of one rule beside its text. ``position`` counts from 1 in the order of precedence."""

    name: str
    position: int
    total: int
    place: str
    sentence: str
    is_off: bool
    dead: str
    here: tuple[Way, ...]
    onward: tuple[Way, ...]
    more_ways: int
    matched: int
    undelivered: int
    followers: tuple[Follower, ...]


def chosen_view(book: Book, week: Week, rule: Rule, look: Look) -> Chosen:
    """What is known of ``rule``."""
    graph = book.graph.around(rule.name)
    node = graph.by_id()[f"rule:{rule.name}"]
    here, onward = list(_leading_to(graph, node, look)), [_onward(each, graph, look) for each in node.exits]
    return Chosen(
        rule.name,
        book.rulebook.by_name[rule.name] + 1,
        len(book.rulebook.rules),
        f"{rule.place.file}:{rule.place.line}",
        visible(read_back(rule, book.rulebook)),
        not rule.enabled,
        node.dead,
        tuple(here[:WAYS_MOST]),
        tuple(onward[:WAYS_MOST]),
        max(0, len(here) - WAYS_MOST) + max(0, len(onward) - WAYS_MOST),
        week.matched.get(rule.name, 0),
        week.undelivered.get(rule.name, 0),
        followers(week.led_to.get(rule.name, ()), book.rulebook, look),
    )


def _leading_to(graph: Graph, node: Node, look: Look) -> Iterator[Way]:
    for line in node.lines if node.listens else ():
        yield Way("hears", line, "", "hears", "")
    for other in graph.nodes:
        for each in other.exits:
            if each.target == node.id and (other.id != node.id):
                yield Way(_HOW[each.how], each.label, other.title, other.kind, _href(other, look), each.dead)


def _onward(each: Exit, graph: Graph, look: Look) -> Way:
    target = graph.by_id().get(each.target)
    if target is None:
        return Way(_HOW[each.how], each.label, each.target.partition(":")[2], "", "", each.dead)
    return Way(_HOW[each.how], each.label, target.title, target.kind, _href(target, look), each.dead)


def _href(node: Node, look: Look) -> str:
    return f"/admin/rules?{look.query(rule=node.title)}" if node.kind == "rule" else ""


def followers(totals: Sequence[Total], rulebook: Rulebook, look: Look) -> tuple[Follower, ...]:
    """The rules that answered most often, with links where they are still there."""
    chosen = totals[:FOLLOWERS_MOST]
    most = chosen[0].count if chosen else 1
    return tuple(
        Follower(
            each.name,
            f"/admin/rules?{look.query(rule=each.name)}" if each.name in rulebook.by_name else "",
            each.count,
            round(100 * each.count / most, 1),
        )
        for each in chosen
    )


def neighbourhood(book: Book, rule: str, least: int = 2) -> Markup | None:
    """The graph cut to what is next to the rule, drawn; None where that is too much for a picture, or less than ``least``."""
    around = book.graph.around(rule)
    if not least <= len(around.nodes) <= DRAWN_MOST:
        return None
    return Markup(svg(around, styled=False, link=TO_RULE))  # noqa: S704 everything in it is escaped where it is drawn


# --- what is not there ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gone:
    """A name in the address that nothing has now. ``near`` empty: none is like it."""

    what: Literal["rule", "file"]
    name: str
    near: str
    href: str


def gone(what: Literal["rule", "file"], name: str, known: Iterable[str], link: str) -> Gone:
    """With a link to the one that was probably meant."""
    cut = name[:SEARCH_MAX]
    near = closest(cut, known)
    return Gone(what, visible(cut), near, link + quoted(near))


# --- no rule chosen -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Overview:
    """The week in short."""

    rules: int
    files: int
    matched: int
    undelivered: int
    top: tuple[Follower, ...]
    never: int


def overview(book: Book, week: Week) -> Overview:
    """The rules as a whole."""
    names = [rule.name for rule in book.rulebook.rules if rule.enabled]
    ranked = sorted(((week.matched.get(name, 0), name) for name in names), key=lambda each: -each[0])
    top = [Total(name, count) for count, name in ranked[:TOP_MOST] if count]
    most = top[0].count if top else 1
    return Overview(
        len(book.rulebook.rules),
        len(book.files),
        sum(week.matched.values()),
        sum(week.undelivered.values()),
        tuple(
            Follower(each.name, f"/admin/rules?rule={quoted(each.name)}", each.count, round(100 * each.count / most, 1))
            for each in top
        ),
        sum(not count for count, _ in ranked),
    )
