"""WhatsApp's marks, links and what is hostile among them."""

import time

import pytest

from bot.web.phone.written import LONG, folded, is_link, pretty, printable, written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*bold* _it_ ~no~ `x`", "<strong>bold</strong> <em>it</em> <s>no</s> <code>x</code>"),
        ("*a _b_ c*", "<strong>a <em>b</em> c</strong>"),
        ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
        ("* not bold * nor **", "* not bold * nor **"),
        ("```<b>*x*\ny```!", "<code class=block>&lt;b&gt;*x*\ny</code>!"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("*<img src=x onerror=y>*", "<strong>&lt;img src=x onerror=y&gt;</strong>"),
        ("<i> *b* <u>", "&lt;i&gt; <strong>b</strong> &lt;u&gt;"),
        ("`<i>`", "<code>&lt;i&gt;</code>"),
        ("a\ud800\x00b", "a?�b"),
    ],
)
def test_words(text: str, shown: str) -> None:
    assert str(written(text)) == shown


@pytest.mark.parametrize(
    ("text", "address", "after"),
    [
        ("see https://a.example/x_y_z?q=1&b=2.", "https://a.example/x_y_z?q=1&amp;b=2", "."),
        ("(http://a.example)", "http://a.example", ")"),
    ],
)
def test_links_are_links_and_nothing_else(text: str, address: str, after: str) -> None:
    link = f'<a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>'
    assert str(written(text)).endswith(link + after)


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "data:text/html,<script>", "ftp://a", "https://", "http://a\"onclick='x'", "https://a b"],
)
def test_no_other_scheme_is_a_link(text: str) -> None:
    assert not is_link(text)
    assert 'href="javascript' not in str(written(text))
    assert "onclick='" not in str(written(text))


def test_a_long_message_is_folded_between_words() -> None:
    first, rest = folded("word " * 1000)
    assert len(first) <= LONG
    assert first.endswith("word")
    assert rest.startswith(" word")
    assert folded("short") == (written("short"), "")
    assert len(folded("x" * 5000)[0]) == LONG


@pytest.mark.parametrize(
    "text",
    ["*a " * 20_000, "*_~`" * 15_000, "```" * 20_000, "https://" * 8_000, "*a* " * 16_000],
    ids=["stars", "marks", "fences", "links", "bold"],
)
def test_marks_without_end_take_no_time(text: str) -> None:
    started = time.process_time()
    written(text)
    assert time.process_time() - started < 2


def test_json_is_coloured_and_escaped() -> None:
    shown = str(pretty('{"a<b>": ["<script>", 1.5, true, null, "x\\"y: 2"]}'))
    assert "<u>&#34;a&lt;b&gt;&#34;</u>:" in shown
    assert "<i>&#34;&lt;script&gt;&#34;</i>" in shown
    assert "<b>1.5</b>" in shown
    assert "<b>true</b>" in shown
    assert "<b>null</b>" in shown
    assert "<b>2</b>" not in shown
    assert str(pretty("<not json")) == "&lt;not json"


def test_what_no_page_can_carry_is_replaced() -> None:
    assert printable("a\tb\nc\x1b\ud83d") == "a\tb\nc�?"
