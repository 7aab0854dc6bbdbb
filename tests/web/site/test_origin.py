"""Where a request comes from."""

from __future__ import annotations

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bot.web.site.origin import address_of, is_https, is_local, is_our_own, masked_address


class FromAddress:
    """A transport of a connection from an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def get_extra_info(self, name: str, default: object = None) -> object:
        return (self._address, 50_000) if name == "peername" else default


def asked(host: str = "parley.example", remote: str = "127.0.0.1", **headers: str) -> web.Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    transport = FromAddress(remote)
    return make_mocked_request("POST", "/admin/x", headers={"Host": host, **named}, transport=transport)


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("parley.example", {"Sec_Fetch_Site": "same-origin"}),
        (
            "parley.example",
            {"Sec_Fetch_Site": "same-origin", "Origin": "https://evil.example"},
        ),  # the browser knows best
        ("parley.example", {"Origin": "http://parley.example"}),
        ("Parley.Example", {"Origin": "http://parley.example"}),
        ("parley.example", {"Origin": "https://parley.example"}),  # a proxy that does not tell what it was asked over
        ("parley.example", {"Origin": "https://parley.example", "X_Forwarded_Proto": "https"}),
        ("127.0.0.1:8080", {"Origin": "http://127.0.0.1:8080"}),
        ("[::1]:8080", {"Origin": "http://[::1]:8080"}),
    ],
)
def test_our_own_pages_are_believed(host: str, headers: dict[str, str]) -> None:
    assert is_our_own(asked(host, **headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Referer": "http://parley.example/admin/"},
        *(
            {"Sec_Fetch_Site": site}
            for site in ("cross-site", "same-site", "none", "", "SAME-ORIGIN ", "same-origin, x")
        ),
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://parley.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "http://parley.example:8080"},
        {"Origin": "http://parley.example.evil.example"},
        {"Origin": "http://sub.parley.example"},
        {"Origin": "http://evil.example/parley.example"},
        {"Origin": "http://parley.example@evil.example"},
        {"Origin": "parley.example"},
        {"Origin": "http://[parley.example"},
        {"Origin": "http://parley.example:99999999"},
        {"Origin": "http://parley.example", "X_Forwarded_Proto": "https"},  # not over what our page came
        {"Origin": "file://"},
    ],
)
def test_others_are_not(headers: dict[str, str]) -> None:
    assert not is_our_own(asked(**headers))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8080"])
def test_this_machine_has_these_names(host: str) -> None:
    assert is_local(asked(host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8080",
        "[::1].evil.example",
        "",
        "10.0.0.1",
        "[",
        "0.0.0.0",
    ],
)
def test_a_name_that_was_made_to_point_here_is_not_one_of_them(host: str) -> None:
    assert not is_local(asked(host))


@pytest.mark.parametrize(
    ("told", "is_it"), [("https", True), ("HTTPS, http", True), ("http, https", False), ("", False)]
)
def test_a_proxy_tells_what_the_browser_speaks(told: str, is_it: bool) -> None:
    assert is_https(asked(X_Forwarded_Proto=told)) is is_it


@pytest.mark.parametrize(
    ("remote", "told", "address"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # from afar it may say what it likes
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the proxy appends what it saw
        ("::1", " 198.51.100.1 ", "198.51.100.1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "", "fe80::/64"),
        ("::ffff:203.0.113.7", "", "203.0.113.7"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_address_that_is_counted(remote: str, told: str, address: str) -> None:
    headers = {"X_Forwarded_For": told} if told else {}
    assert address_of(asked(remote=remote, **headers)) == address


@pytest.mark.parametrize(
    ("address", "masked"),
    [("203.0.113.7", "203.0.113.0/24"), ("2001:db8:1:2::/64", "2001:db8:1::/48"), ("", ""), ("x", "")],
)
def test_logs_have_the_network_alone(address: str, masked: str) -> None:
    assert masked_address(address) == masked
