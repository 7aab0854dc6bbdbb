"""What the rules pages say of what is not as one would think: files beside what answers, names that are gone, many equal differences."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.web.admin.office import Office
from tests.web.admin.test_rules_pages import BOOK, RULES_PAGE, comes, desk, hears, is_harmless, saves, uploads

__all__ = ["desk"]


def words_of(page: str) -> str:
    """What is read on the page."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


async def test_after_a_rollback_the_page_says_that_the_files_hold_something_else(desk: Office) -> None:
    sorry = BOOK.replace("Pardon?", "Sorry?")
    await saves(desk, sorry)
    assert "since the rollback" not in await desk.text(RULES_PAGE)
    await desk.posts(f"{RULES_PAGE}/rollback", number="1")
    told = words_of(await desk.text(RULES_PAGE))
    assert "Version 1 answers since the rollback, but the rule files hold something else: version 2." in told
    assert "The next save that changes any rule file replaces version 1." in told
    await saves(desk, sorry.replace("Sorry?", "What?"))
    assert "since the rollback" not in await desk.text(RULES_PAGE)


async def test_what_matters_comes_first_and_equal_differences_are_one(desk: Office) -> None:
    for who in ("46701740605", "447700900123"):
        await hears(desk, "hello", "hello", who=who)
    await hears(desk, "hello", "opening hours")
    edited = BOOK.replace("Hi <script>", "Good day <script>").replace("says: [opening hours]", "says: [closing time]")
    where = await uploads(desk, {"shop.yaml": edited.split("tests:")[0].encode()})
    part = words_of(await comes(desk, f"{where}/live", "Understood no more"))
    assert part.count("before welcome") == part.count("before hours") == 1
    assert part.index("before hours") < part.index("before welcome")
    assert "6 differences, equal ones joined" in part
    assert "5 times 2 people hello" in part


@pytest.mark.parametrize(
    ("path", "words", "near"),
    [
        ("?rule=hour", "There is no rule “ hour ” now; perhaps it was renamed or removed.", "/admin/rules?rule=hours"),
        ("?file=rules/shops.yaml", "There is no file “ rules/shops.yaml ” now", "/admin/rules?file=rules%2Fshop.yaml"),
        ("/graph?rule=welcom", "There is no rule “ welcom ” now", "/admin/rules/graph?rule=welcome"),
        ("?rule=%3Cb%3E%E2%80%AE", "There is no rule “ <b>⟨202E⟩ ” now", ""),
        (f"?rule={'x' * 5000}", "There is no rule “ xxx", ""),
        ("/graph?rule=%ED%A0%80%00", "There is no rule “", ""),
    ],
)
async def test_a_name_that_nothing_has_now_is_told_with_the_nearest(
    desk: Office, path: str, words: str, near: str
) -> None:
    page = await desk.text(f"{RULES_PAGE}{path}", 404)
    assert words in words_of(page)
    assert is_harmless(page)
    assert ("Did you mean" in page) == bool(near)
    assert not near or f'<a href="{near}">' in page


async def test_an_open_page_is_told_of_a_name_that_is_gone(desk: Office) -> None:
    part = await comes(desk, f"{RULES_PAGE}/live?rule=hour", "There is no rule")
    assert "Did you mean" in part


async def test_what_was_not_delivered_leads_to_the_messages(desk: Office) -> None:
    assert 'Messages not delivered</dt><dd><a href="/admin/operations/messages">0</a>' in await desk.text(RULES_PAGE)
