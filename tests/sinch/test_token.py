"""The token: one fetch for all, renewed early, replaced when refused, and an endpoint in trouble left alone."""

import asyncio
from collections.abc import Awaitable

import pytest

from bot.errors import Failed, ParleyError, Retry
from bot.sinch.token import Tokens
from bot.sinch.wire.answers import Token


class Endpoint:
    """Hands out T1, T2 … of 1,000 seconds each, on a clock that stands; ``trouble`` is raised instead of the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fetches = 0
        self.trouble: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.tokens = Tokens(self.fetch, lambda: self.now)

    async def fetch(self) -> Token:
        self.fetches += 1
        number = self.fetches
        await self.gate.wait()
        if self.trouble is not None:
            raise self.trouble
        return Token(f"T{number}", 1000.0)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


async def test_however_many_ask_one_token_is_fetched(endpoint: Endpoint) -> None:
    assert set(await asyncio.gather(*(endpoint.tokens.current() for _ in range(50)))) == {"T1"}
    assert await endpoint.tokens.current() == "T1"
    assert endpoint.fetches == 1


async def test_near_its_end_the_old_token_serves_while_the_new_one_is_fetched(endpoint: Endpoint) -> None:
    await endpoint.tokens.current()
    endpoint.now = 849.0
    assert (await endpoint.tokens.current(), endpoint.fetches) == ("T1", 1)
    endpoint.now = 851.0
    endpoint.gate.clear()
    assert await endpoint.tokens.current() == "T1"
    assert await endpoint.tokens.current() == "T1"
    await asyncio.sleep(0)
    assert endpoint.fetches == 2
    endpoint.gate.set()
    await settled()
    assert (await endpoint.tokens.current(), endpoint.fetches) == ("T2", 2)


async def test_an_ended_token_is_never_used(endpoint: Endpoint) -> None:
    await endpoint.tokens.current()
    endpoint.now = 996.0
    assert await endpoint.tokens.current() == "T2"


async def test_a_failing_early_refresh_leaves_the_old_token_in_use(endpoint: Endpoint) -> None:
    await endpoint.tokens.current()
    endpoint.now, endpoint.trouble = 900.0, Retry("The endpoint is down.", 20.0)
    assert await endpoint.tokens.current() == "T1"
    await settled()
    endpoint.now = 919.0
    assert await endpoint.tokens.current() == "T1"
    await settled()
    assert endpoint.fetches == 2
    endpoint.now, endpoint.trouble = 921.0, None
    await endpoint.tokens.current()
    await settled()
    assert (await endpoint.tokens.current(), endpoint.fetches) == ("T3", 3)


async def test_many_refused_with_one_token_get_one_new_one(endpoint: Endpoint) -> None:
    old = await endpoint.tokens.current()
    endpoint.tokens.worked(old)
    assert set(await asyncio.gather(*(endpoint.tokens.instead_of(old) for _ in range(20)))) == {"T2"}
    assert await endpoint.tokens.instead_of(old) == "T2", "a late refusal of the old token must not drop the new one"
    assert endpoint.fetches == 2


async def test_a_token_that_never_worked_is_not_replaced_at_once(endpoint: Endpoint) -> None:
    token = await endpoint.tokens.current()
    assert await endpoint.tokens.instead_of(token) is None
    endpoint.now = 6.0
    assert await endpoint.tokens.instead_of(token) == "T2"


@pytest.mark.parametrize(
    ("trouble", "quiet_s"),
    [(Retry("Too many.", 30.0), 30.0), (Retry("Down."), 1.0), (Failed("Wrong key.", "invalid_client"), 5.0)],
    ids=["retry after", "no hint", "wrong key"],
)
async def test_an_endpoint_in_trouble_is_left_alone(endpoint: Endpoint, trouble: ParleyError, quiet_s: float) -> None:
    endpoint.trouble = trouble
    for now in (0.0, quiet_s * 0.5, quiet_s * 0.9):
        endpoint.now = now
        with pytest.raises(type(trouble), match=str(trouble)) as caught:
            await endpoint.tokens.current()
        if isinstance(caught.value, Retry) and now:
            assert caught.value.after_s == pytest.approx(quiet_s - now)
    assert endpoint.fetches == 1
    endpoint.now, endpoint.trouble = quiet_s + 0.1, None
    assert await endpoint.tokens.current() == "T2"


async def test_a_caller_that_gives_up_takes_the_token_from_nobody(endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    impatient = asyncio.create_task(awaited(endpoint.tokens.current()))
    patient = asyncio.create_task(awaited(endpoint.tokens.current()))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    endpoint.gate.set()
    assert (await patient, impatient.cancelled(), endpoint.fetches) == ("T1", True, 1)


async def test_a_fetch_under_way_is_given_up_at_the_end(endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    waiting = asyncio.create_task(awaited(endpoint.tokens.current()))
    await asyncio.sleep(0)
    await endpoint.tokens.close()
    await asyncio.wait([waiting])
    assert waiting.cancelled()


async def awaited(work: Awaitable[str]) -> str:
    return await work


async def settled() -> None:
    """Until every task but this one has ended."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    await asyncio.gather(*others, return_exceptions=True)
