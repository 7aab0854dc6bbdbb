"""The one way out to addresses that are not Sinch's own: files that people sent, and what an administrator wrote down.

Such an address may lead anywhere, so it is called only where the address that is connected to is a public one, or where the setting
``allowed_hosts`` names the host. The socket's own address is looked at, after names are resolved: no name can first resolve to a public
address and then to another. Redirects are not followed, cookies not kept, answers bounded in size and time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import aiohttp
from aiohttp import AddrInfoType, hdrs
from yarl import URL

from bot.errors import Failed, OutcomeUnknown, Retry

ANSWER_MAX: Final = 1024 * 1024
CONNECTIONS: Final = 64
EVERY_PORT: Final = ":*"  # at the end of an entry of ``allowed_hosts``

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_PROTOCOLS: Final = ipaddress.IPv4Network("192.0.0.0/24")  # RFC 6890; older Pythons call most of it global
_GLOBAL_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address as networks without IPv4 reach it
_TUNNELS: Final = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))  # 6to4, Teredo: IPv4 within


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, whatever its status; header names in any case. ``body`` as it came: it was asked for uncompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class GuardedClient:
    """Calls public addresses, and hosts in ``allowed``: ``name:port``, or ``name`` for the ports 80 and 443. Needs a running loop.

    Whatever goes wrong is a ``ParleyError`` whose sentence names the host, never the rest of the address, which may hold a secret:
    ``Failed`` for an address that must not or cannot be called (codes ``bad_url``, ``not_public``) and for too large an answer
    (``too_large``), ``Retry`` where no connection was made, ``OutcomeUnknown`` where one was or may have been.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._allowed = frozenset(name for entry in allowed for name in _names(entry))
        self._public = _session(_public_socket)
        self._any = _session(_socket)

    async def request(
        self, method: str, url: str, limit_s: float, headers: Mapping[str, str] = _NOTHING, body: bytes = b""
    ) -> Answer:
        """One request and its answer of up to 1 MiB, all within ``limit_s`` seconds."""
        target = _target(url)
        try:
            async with asyncio.timeout(limit_s):
                return await self._exchange(method, target, headers, body)
        except TimeoutError:
            raise OutcomeUnknown(f"{target.host} did not answer within {limit_s:g} seconds.") from None
        except aiohttp.ClientConnectorError as trouble:
            raise _not_connected(target, trouble) from None
        except (aiohttp.InvalidURL, ValueError) as trouble:  # such as a name that no resolver takes
            raise _bad_url(f"{target.host} cannot be called") from trouble
        except (aiohttp.ClientError, OSError) as trouble:
            raise OutcomeUnknown(f"{target.host} broke off before it had answered ({_word(trouble)}).") from None

    async def content_type(self, url: str, limit_s: float) -> str | None:
        """What the server calls the file at ``url``, such as ``image/jpeg`` in small letters; None where it answers without telling."""
        answer = await self.request("HEAD", url, limit_s)
        if not 200 <= answer.status < 300:
            return None
        return answer.headers.get(hdrs.CONTENT_TYPE, "").partition(";")[0].strip().lower() or None

    def refusal_of(self, url: str) -> str:
        """Why ``url`` may not be where we post to, in a sentence; empty where its text has nothing against it: only calling it tells the
        address behind its name. Outside of ``allowed`` it must be encrypted."""
        try:
            target = _target(url)
            allowed = self._is_allowed(target)
        except (Failed, ValueError):
            return str(_bad_url("The address cannot be called"))
        host = target.host or ""
        if target.user is not None or target.password is not None:
            return "It holds a user name or a password, which everybody could read who may list it; our signature tells who posts."
        if allowed:
            return ""
        if host == "localhost" or (_is_address(host) and not is_public(host)):
            return str(_not_public(target))
        if target.scheme != "https":
            return f"It must start with https://, or allowed_hosts must name {_place(target, target.port)}."
        return ""

    def _is_allowed(self, target: URL) -> bool:
        return not self._allowed.isdisjoint((_place(target, target.port), f"{target.host_subcomponent}{EVERY_PORT}"))

    async def close(self) -> None:
        """Let go of every connection; calls under way fail."""
        await self._public.close()
        await self._any.close()

    async def _exchange(self, method: str, target: URL, headers: Mapping[str, str], body: bytes) -> Answer:
        session = self._any if self._is_allowed(target) else self._public
        async with session.request(
            method, target, headers=headers, data=body or None, allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await _bounded(response, target))


def is_public(address: str) -> bool:
    """Whether ``address`` (numbers, not a name) is one that anybody on the internet may have; False for what is no address at all."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if ip.version == 4:
        return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip in _PROTOCOLS)
    if ip in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)))
    return ip.is_global and ip in _GLOBAL_UNICAST and not any(ip in tunnel for tunnel in _TUNNELS)


class _NotPublicError(OSError):
    """Raised in place of a socket. The same words each time: they tell whether it happened to all addresses of a name."""


def _public_socket(address: AddrInfoType) -> socket.socket:
    if not is_public(str(address[4][0])):
        raise _NotPublicError("not a public address")
    return _socket(address)


def _socket(address: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    return socket.socket(family, kind, protocol)


def _session(factory: aiohttp.SocketFactoryType) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, socket_factory=factory),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(),  # every call brings its own
        headers={hdrs.USER_AGENT: "Parley", hdrs.ACCEPT_ENCODING: "identity"},
        auto_decompress=False,
        trust_env=False,  # a proxy would resolve the name anew
    )


async def _bounded(response: aiohttp.ClientResponse, target: URL) -> bytes:
    body = bytearray()
    while more := await response.content.readany():
        body += more
        if len(body) > ANSWER_MAX:
            response.close()
            raise Failed(f"{target.host} answers with more than 1 MiB; it must answer with less.", "too_large")
    return bytes(body)


def _names(entry: str) -> tuple[str, ...]:
    if entry.endswith(EVERY_PORT):
        return (f"{URL(f'http://{entry.removesuffix(EVERY_PORT)}').host_subcomponent}{EVERY_PORT}",)
    url = URL(f"http://{entry}")
    ports = (80, 443) if url.explicit_port is None else (url.explicit_port,)
    return tuple(_place(url, port) for port in ports)


def _place(url: URL, port: int | None) -> str:
    return f"{url.host_subcomponent}:{port}"


def _target(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        raise _bad_url("The address cannot be read") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise _bad_url("The address cannot be called")
    return url


def _bad_url(what: str) -> Failed:
    return Failed(f"{what}; an address starts with http:// or https:// and the name of a host.", "bad_url")


def _not_connected(target: URL, trouble: aiohttp.ClientConnectorError) -> Failed | Retry:
    if isinstance(trouble.__cause__, _NotPublicError):
        return _not_public(target)
    return Retry(f"{target.host} cannot be reached ({_word(trouble.__cause__ or trouble)}).")


def _not_public(target: URL) -> Failed:
    return Failed(
        f"{target.host} has no public address, so it is not called; "
        f"if it is yours, add {_place(target, target.port)} to allowed_hosts.",
        "not_public",
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _word(trouble: BaseException) -> str:
    return getattr(trouble, "strerror", None) or type(trouble).__name__
