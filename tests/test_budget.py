from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from evol.cost import Budget, BudgetLimits, Spending, look_up_price
from evol.errors import BudgetExhausted
from evol.records import Price


def test_known_and_unknown_prices() -> None:
    """OpenAI's models have a price, a server of one's own has none; unknown is None, never zero."""
    price = look_up_price("gpt-4o-mini", "https://api.openai.com/v1")
    assert price is not None
    assert 0 < price.input < price.output < 10
    assert look_up_price("gpt-4o-mini", "http://127.0.0.1:8000/v1") is None
    assert look_up_price("no-such-model", "https://api.openai.com/v1") is None


def test_price_of_tokens() -> None:
    """Prices are for a million tokens."""
    assert Price(input=2.0, output=10.0).of(500_000, 100_000) == pytest.approx(2.0)


def run(main: Awaitable[None]) -> None:
    """Run a test's coroutine; it may take no longer than a second."""

    async def bounded() -> None:
        await asyncio.wait_for(main, 1.0)

    asyncio.run(bounded())


def test_a_call_without_room_waits_for_those_in_flight() -> None:
    """The worst case is put aside; what a call did not take makes room for the next."""

    async def main() -> None:
        budget = Budget(BudgetLimits(max_tokens=100), Spending())
        worst = Spending(1, 60)
        await budget.reserve(worst)
        second = asyncio.create_task(budget.reserve(worst))
        await asyncio.sleep(0.01)
        assert not second.done()
        budget.settle(worst, 10, 0.0)
        await second
        assert not budget.try_reserve(worst)

    run(main())


def test_with_nothing_in_flight_the_budget_is_used_up() -> None:
    """No call may exceed the limit, and nobody waits for what cannot come."""

    async def main() -> None:
        budget = Budget(BudgetLimits(max_cost=1.0), Spending(3, 500, 0.9))
        with pytest.raises(BudgetExhausted, match=r"--max-cost 1 .*\$0\.9000 spent"):
            await budget.reserve(Spending(1, 10, 0.2))
        await budget.reserve(Spending(1, 10, 0.1))

    run(main())


def test_waiters_learn_that_nothing_will_come() -> None:
    """When the last call in flight took all it had reserved, whoever waits is turned away."""

    async def main() -> None:
        budget = Budget(BudgetLimits(max_tokens=100), Spending())
        worst = Spending(1, 60)
        await budget.reserve(worst)
        waiting = [asyncio.create_task(budget.reserve(worst)) for _ in range(3)]
        await asyncio.sleep(0.01)
        budget.settle(worst, 60, 0.0)
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(error) for error in found] == [BudgetExhausted] * 3

    run(main())


def test_max_calls_counts_those_in_flight() -> None:
    """Requests are never given back, so the limit is exact."""

    async def main() -> None:
        budget = Budget(BudgetLimits(max_calls=5), Spending(3))
        await budget.reserve(Spending(1))
        await budget.reserve(Spending(1))
        with pytest.raises(BudgetExhausted, match=r"--max-calls 5 is used up \(5 requests sent\)"):
            await budget.reserve(Spending(1))

    run(main())
