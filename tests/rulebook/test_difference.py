"""What changed between two rulebooks, by file and by rule."""

from bot.rulebook.difference import Difference, difference

SHOP = """
rules:
  - name: welcome
    when: {says: [hello]}
    reply: {text: Hi}
  - name: hours
    when: {says: [open]}
    reply: {text: "9 to 5"}
"""
ORDERS = "rules:\n  - {name: track, when: {says: [track]}, reply: {text: There}}\n"
BEFORE = {"rules/orders.yaml": ORDERS.encode(), "rules/shop.yaml": SHOP.encode()}


def changed(**files: str) -> Difference:
    after = {**BEFORE, **{f"rules/{name}.yaml": text.encode() for name, text in files.items()}}
    return difference(BEFORE, {name: content for name, content in after.items() if content})


def test_the_same_files_differ_in_nothing() -> None:
    assert difference(BEFORE, dict(reversed(BEFORE.items()))) == Difference()


def test_a_text_that_changed_is_a_rule_that_changed() -> None:
    assert changed(shop=SHOP.replace("9 to 5", "9 to 6")) == Difference(files=("rules/shop.yaml",), changed=("hours",))


def test_layout_comments_and_the_order_of_keys_change_no_rule() -> None:
    other = "# ours\n" + SHOP.replace(
        "    when: {says: [hello]}\n    reply: {text: Hi}",
        "    reply:\n      text: Hi\n    When:\n      says:\n      - hello",
    )
    assert changed(shop=other) == Difference(files=("rules/shop.yaml",))


def test_rules_that_come_and_go_are_named() -> None:
    found = changed(orders="", more=ORDERS.replace("track", "trace"))
    assert found == Difference(files=("rules/more.yaml", "rules/orders.yaml"), added=("trace",), removed=("track",))


def test_a_rule_that_moves_is_told_as_another_order() -> None:
    found = changed(orders="", zoo=ORDERS)
    assert found == Difference(files=("rules/orders.yaml", "rules/zoo.yaml"), reordered=True)


def test_a_file_that_cannot_be_read_any_more_holds_no_rules() -> None:
    assert changed(orders="rules: [").removed == ("track",)
    assert difference({}, BEFORE).added == ("track", "welcome", "hours")
