"""Where a request comes from: which page, which address, over what. Nothing a browser leaves out is believed."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

_LOCAL: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?", re.IGNORECASE)


def is_https(request: web.Request) -> bool:
    """Whether the browser speaks HTTPS, also where a proxy in front of us ends it. A lie only makes things stricter for who tells it."""
    spoken = request.headers.get("X-Forwarded-Proto", "").partition(",")[0]
    return request.secure or spoken.strip().lower() == "https"


def is_our_own(request: web.Request) -> bool:
    """Whether a request comes from one of our pages. Browsers say so in Sec-Fetch-Site where the connection is trusted, else in Origin;
    who says nothing is not believed."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("Origin", "")
    if is_https(request) and not origin.lower().startswith("https:"):
        return False  # somebody on the way could have written a page under our name
    return is_from_here(request, origin)


def is_from_here(request: web.Request, address: str) -> bool:
    """Whether an address, such as a Referer, is of this site."""
    host = _host(address)
    return bool(host) and host == _host(f"//{request.host}")


def is_local(request: web.Request) -> bool:
    """Whether the address in the browser is this machine's: a page of another site that has its name point here is not let in."""
    return _LOCAL.fullmatch(request.host) is not None


def address_of(request: web.Request) -> str:
    """Who is counted for wrong passwords: the network address the request came from.

    A proxy on this machine appends the address it was called from to X-Forwarded-For, so the last one there is true; from anywhere else
    that header is what the caller likes. Of an IPv6 address it is the network of 64 bits, as everybody has one of those to choose from.
    """
    address = _parsed(request.remote or "")
    if address is not None and address.is_loopback:
        told = ",".join(request.headers.getall("X-Forwarded-For", [])).rpartition(",")[2].strip()
        address = _parsed(told) or address
    if address is None:
        return ""
    return str(ip_network((address, 64), strict=False)) if address.version == 6 else str(address)


def masked_address(address: str) -> str:
    """The network of an address, for logs: enough to see from where, not who."""
    first = _parsed(address.partition("/")[0])
    return "" if first is None else str(ip_network((first, 48 if first.version == 6 else 24), strict=False))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])  # without the zone of a link-local one
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _host(address: str) -> str:
    """Host and port of an address, in small letters; empty where it has none."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return ""
    return f"{parts.hostname}:{port}" if parts.hostname else ""
