"""The graph of the rules: every way, every dead end, and a picture in which nothing lies on anything else."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bot.rulebook.graph import Graph, graph_of, mermaid, svg
from bot.rulebook.graph.card import card_of, width_of
from bot.rulebook.graph.layout import Box, Layout, Link, layout
from bot.rulebook.graph.ranks import ordered, ranks
from bot.rulebook.load import load, load_files

ROOT = Path(__file__).parents[2]
HEAD = """
settings: {languages: [en]}
teams: [support]
connections: {orders: {url: "https://erp.example/{{number}}", results: [status]}}
templates:
  ready: {languages: {en: en_US}, parameters: [], buttons: [{quick_reply: Track, goes_to: track}, {quick_reply: Nobody}]}
rules:
"""
SHOP = """
- {name: welcome, when: {says: hi}, reply: {text: Hello, buttons: [{label: Order, goes_to: track}, {label: Us, goes_to: person}]}}
- name: track
  when: {says: track}
  ask: {number: {text: Number?, must_be: 8 digits, no_answer_after: 20 minutes}}
  call: orders
  reply:
    - {if: found, text: "{{status}}", buttons: [{label: Menu, goes_to: welcome}, {label: Again, goes_to: track}]}
    - {if: not_found, text: Not here.}
    - {if: given_up, goes_to: person}
    - {if: failed, goes_to: person}
  then: {remind: {after: 3 hours, goes_to: still}}
- {name: still, reply: {text: Still there?}, if_closed: {template: ready}}
- {name: person, when: {says: human}, reply: {text: Soon.}, then: {hand_over: support}}
- {name: ready, when: {event: order.ready}, reply: {text: Ready}, if_closed: skip}
- {name: lost, when: {nothing_matched: true}, reply: {text: Hm}, then: {after_misses: {count: 2, goes_to: person}}}
"""


def graph(rules: str) -> Graph:
    reading = load_files({"rules/shop.yaml": (HEAD + rules).encode()})
    assert reading.rulebook is not None, [str(problem) for problem in reading.problems]
    return graph_of(reading.rulebook)


def ways(found: Graph) -> set[tuple[str, str, str, str]]:
    return {(node.id, way.how, way.label, way.target) for node in found.nodes for way in node.exits}


def dead(found: Graph) -> list[str]:
    nodes = [f"{node.title}: {node.dead}" for node in found.nodes if node.dead]
    return nodes + [f"{node.title}/{way.label}: {way.dead}" for node in found.nodes for way in node.exits if way.dead]


WITHOUT_NOBODY = HEAD.replace(", {quick_reply: Nobody}", "")


def test_every_way_is_there() -> None:
    assert ways(graph(SHOP)) == {
        ("event:order.ready", "start", "", "rule:ready"),
        ("moment:no rule understands", "start", "", "rule:lost"),
        ("rule:welcome", "button", "Order", "rule:track"),
        ("rule:welcome", "button", "Us", "rule:person"),
        ("rule:track", "button", "Menu", "rule:welcome"),
        ("rule:track", "button", "Again", "rule:track"),
        ("rule:track", "goes_to", "given up", "rule:person"),
        ("rule:track", "goes_to", "failed", "rule:person"),
        ("rule:track", "reminder", "after 3 hours", "rule:still"),
        ("rule:still", "template", "with the window closed", "template:ready"),
        ("rule:person", "hand_over", "hands over", "team:support"),
        ("rule:lost", "goes_to", "after 2 misses", "rule:person"),
        ("template:ready", "button", "Track", "rule:track"),
        ("template:ready", "button", "Nobody", ""),
    }


def test_a_rule_shows_what_it_asks_and_calls() -> None:
    track = graph(SHOP).by_id()["rule:track"]
    assert [(step.kind, step.text) for step in track.steps] == [("question", "number: 8 digits"), ("call", "orders")]
    assert (track.lines, track.reply) == (("somebody writes “track”",), "“{{status}}”")


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("", []),
        (("- {name: a, when: {says: a1}, reply: {text: A, buttons: [{label: B, goes_to: b}]}}\n"
         "- {name: b, enabled: false, when: {says: b1}, reply: {text: B}}"), ["a/B: switched off"]),
        ("- {name: a, when: {says: a1}, reply: {goes_to: b}}\n- {name: b, reply: {say_nothing: true}}", ["b: says nothing"]),
        ("- {name: a, when: {says: a1}, reply: {say_nothing: true}}", []),
        (("- {name: a, when: {says: a1}, reply: {goes_to: b}}\n"
         "- {name: b, reply: [{tag: vip, text: B}, {say_nothing: true}]}"), ["b/otherwise: says nothing"]),
        ("- {name: a, reply: {goes_to: b}}\n- {name: b, reply: {text: B, buttons: [{label: A, goes_to: a}]}}",
         ["a: nothing leads here", "b: nothing leads here"]),
        (("- {name: a, when: {says: a1}, ask: {x: {text: X?, must_be: text, no_answer_after: 2 hours}}, "
         "reply: [{if: answered, text: Good}, {if: given_up, say_nothing: true}, {if: no_answer, say_nothing: true}]}"),
         ["a/given up: says nothing"]),
        ("- {name: a, when: {says: a1}, ask: {x: {text: X?, must_be: text}}, reply: {say_nothing: true}, then: {hand_over: support}}", []),
    ],
)  # fmt: skip
def test_a_dead_end_is_told(more: str, told: list[str]) -> None:
    assert dead(graph(SHOP + more)) == [*told, "ready/Nobody: no rule hears this"]


def test_a_quick_reply_that_a_rule_hears_leads_there() -> None:
    found = graph(SHOP + "- {name: a, when: {taps: nobody}, reply: {text: A}}")
    assert ("template:ready", "button", "Nobody", "rule:a") in ways(found)
    assert dead(found) == []


def test_without_a_rule_for_what_nobody_understands_that_is_told() -> None:
    found = graph(SHOP.partition("- {name: lost")[0])
    assert "no rule understands: nobody answers" in dead(found)


def test_the_neighbourhood_of_a_rule() -> None:
    found = graph(SHOP).around("person")
    assert [node.id for node in found.nodes] == [
        "rule:welcome",
        "rule:track",
        "rule:person",
        "rule:lost",
        "team:support",
    ]
    assert {way[3] for way in ways(found)} == {"rule:person", "team:support"}
    assert graph(SHOP).around("nobody") == Graph(())


# --- Mermaid --------------------------------------------------------------------------------------------------------------


def test_mermaid_of_a_small_shop() -> None:
    rules = SHOP.partition("- name: track")[0].replace("{label: Order, goes_to: track}, ", "") + (
        '- {name: person, when: {says: "[a] human"}, ask: {x: {text: X?, must_be: text}}, reply: {text: Soon.}}\n'
        "- {name: track, enabled: false, when: {event: a.b}, reply: {text: T}, if_closed: skip}\n"
        "- {name: lost, when: {nothing_matched: true}, reply: {text: 'a|b \"c\"'}}\n"
    )
    assert mermaid(graph(rules)) == (
        "flowchart LR\n"
        '  event_a_2e_b>"<b>event a.b</b>"]\n'
        '  moment_no_20_rule_20_understands(["<b>no rule understands</b>"])\n'
        '  rule_welcome["<b>welcome</b><br/>somebody writes “hi”<br/>“Hello”"]\n'
        '  rule_person["<b>person</b><br/>somebody writes “#91;a#93; human”<br/>“Soon.”"]\n'
        '  rule_person__0{{"asks x: text"}}\n'
        '  rule_track["<b>track</b><br/>“T”<br/>switched off"]:::off\n'
        '  rule_lost["<b>lost</b><br/>“a#124;b #34;c#34;”"]\n'
        "  event_a_2e_b --> rule_track\n"
        "  moment_no_20_rule_20_understands --> rule_lost\n"
        '  rule_welcome -->|"#91;Us#93;"| rule_person\n'
        "  rule_person --> rule_person__0\n"
        "  classDef dead stroke:#c62828,stroke-width:3px,color:#c62828\n"
        "  classDef off stroke-dasharray:4 4,color:#888\n"
    )


def test_dead_ends_are_marked_in_mermaid() -> None:
    text = mermaid(
        graph(SHOP + "- {name: a, when: {says: a1}, reply: {goes_to: b}}\n- {name: b, reply: {say_nothing: true}}")
    )
    assert 'rule_b["<b>b</b><br/>✕ says nothing"]:::dead' in text
    assert 'template_ready -->|"#91;Nobody#93;"| template_ready__dead1(["✕ no rule hears this"]):::dead' in text


# --- SVG ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [True, False])
def test_svg_is_well_formed_and_names_every_rule(whole: bool) -> None:
    rulebook = load(ROOT / "rules").rulebook
    assert rulebook is not None
    found = graph_of(rulebook)
    text = svg(found if whole else found.around("person"), link="/rules/")
    assert text == svg(found if whole else found.around("person"), link="/rules/")
    tree = ET.fromstring(text)  # noqa: S314 our own
    shown = {each.text for each in tree.iter("{http://www.w3.org/2000/svg}text") if each.get("class") == "title"}
    rules = {rule.name for rule in rulebook.rules}
    assert rules <= shown if whole else rules & shown == {"person", "welcome", "everything", "otherwise", "visit"}
    links = {each.get("href") for each in tree.iter("{http://www.w3.org/2000/svg}a")}
    assert "/rules/person" in links
    assert "style=" not in text


def test_svg_can_leave_its_style_to_the_page() -> None:
    assert "<style>" not in svg(graph(SHOP), styled=False)
    assert "prefers-color-scheme:dark" in svg(graph(SHOP))


def test_texts_of_people_are_no_markup() -> None:
    rules = (
        SHOP
        + '- {name: a, when: {says: "<b>&"}, reply: {text: "<script>", buttons: [{label: "<&>", goes_to: person}]}}'
    )
    text = svg(graph(rules))
    ET.fromstring(text)  # noqa: S314 our own
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_long_texts_stay_inside_their_card() -> None:
    name = "w" * 64
    found = graph(SHOP + f"- {{name: {name}, when: {{says: [{'long ' * 30}]}}, reply: {{text: {'word ' * 60}}}}}")
    card = card_of(found.by_id()[f"rule:{name}"])
    assert all(width_of(words.text, 11.5) <= 224.1 for words in card.words)
    assert card.words[0].text.endswith("…")
    assert card.words[0].whole == name


# --- layout ---------------------------------------------------------------------------------------------------------------


def some_graph(seed: int) -> tuple[list[Box], list[Link]]:
    dice = random.Random(seed)
    boxes = [Box(f"b{at}", 200.0, dice.choice([30.0, 80.0, 150.0]), 15.0) for at in range(dice.randint(1, 14))]
    ids = [box.id for box in boxes]
    links = [Link(dice.choice(ids), dice.choice(ids), dice.uniform(5, 25)) for _ in range(dice.randint(0, 20))]
    return boxes, links


def rectangles(boxes: list[Box], placed: Layout) -> list[tuple[float, float, float, float]]:
    corners = [(*placed.corners[box.id], box) for box in boxes]
    return [(x, y, x + box.width, y + box.height) for x, y, box in corners]


@pytest.mark.parametrize("seed", range(60))
def test_no_card_lies_on_another_and_all_are_inside(seed: int) -> None:
    boxes, links = some_graph(seed)
    placed = layout(boxes, links)
    found = rectangles(boxes, placed)
    assert len(found) == len(boxes)
    for at, (x1, y1, x2, y2) in enumerate(found):
        assert min(x1, y1) >= 0
        assert x2 <= placed.width + 0.1
        assert y2 <= placed.height + 0.1
        for a1, b1, a2, b2 in found[at + 1 :]:
            assert x2 <= a1 or a2 <= x1 or y2 <= b1 or b2 <= y1


@pytest.mark.parametrize("seed", range(60))
def test_a_way_runs_from_its_row_to_its_target_past_all_cards(seed: int) -> None:
    boxes, links = some_graph(seed)
    placed = layout(boxes, links)
    by_id = {box.id: box for box in boxes}
    assert sorted(map(repr, (route.link for route in placed.routes))) == sorted(map(repr, links))
    for route in placed.routes:
        x, y = placed.corners[route.link.source]
        assert route.legs[0][1] == pytest.approx((x + by_id[route.link.source].width, y + route.link.port))
        x, y = placed.corners[route.link.target]
        assert route.legs[-1][0] == pytest.approx((x, y + by_id[route.link.target].entry))
        for (left, height), (right, _) in route.legs[1:-1]:
            for x1, y1, x2, y2 in rectangles(boxes, placed):
                crosses = y1 < height < y2 and min(left, right) < x2 and x1 < max(left, right)
                assert not crosses, "a way runs through a card"


def test_what_is_not_connected_stands_in_rows_of_a_readable_width() -> None:
    boxes = [Box(f"b{at}", 200.0, 40.0, 15.0) for at in range(30)]
    placed = layout(boxes, [Link("b0", "b1", 10.0)])
    assert 900 < placed.width <= 1200
    assert len({y for _, y in placed.corners.values()}) >= 7


def test_columns_follow_the_ways_and_only_circles_run_back() -> None:
    ids = ["a", "b", "c", "d"]
    rank, back = ranks(ids, [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("a", "d")])
    assert back in ({("c", "b")}, {("b", "c")})
    assert rank["a"] < rank["b"] < rank["c"] < rank["d"] or rank["a"] < rank["c"] < rank["b"]
    assert ranks(ids, [("a", "b"), ("c", "d")])[1] == set()


def test_crossings_are_taken_out() -> None:
    pairs = [("a", "y", 0.0), ("b", "x", 0.0), ("c", "z", 0.0)]
    above, below = ordered([["a", "b", "c"], ["x", "y", "z"]], pairs)
    assert [below.index(two) - above.index(one) for one, two, _ in pairs] == [0, 0, 0]


def test_a_large_rulebook_is_drawn_quickly_enough() -> None:
    rules = "".join(
        f"- {{name: r{at}, when: {{says: word{at}}}, reply: {{text: T, buttons: "
        f"[{{label: A, goes_to: r{at * 7 % 200}}}, {{label: B, goes_to: r{at * 3 % 200}}}]}}}}\n"
        for at in range(200)
    )
    text = svg(graph(rules + SHOP))
    assert len(re.findall('class="way button', text)) == 405
