"""Prices, and the budget of a run folder: what may be sent and spent over its whole life.

Before a request goes out its worst case is reserved (prompt: one token a byte; reply: max_tokens), afterwards it is
settled by what it took. A request that finds no room waits while others are in flight, for they may give back; with
none in flight the budget is used up. Requests that brought no reply count as requests, not as tokens: nobody
charges for them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from evol.errors import BudgetExhausted
from evol.records import Price


def look_up_price(model: str, url: str) -> Price | None:
    """The price of a model in the tables that `genai-prices` ships; None where they do not know it.

    Args:
        model: name at the endpoint.
        url: base URL of the endpoint.
    """
    from genai_prices import Usage, calc_price  # a third of a second of imports

    million = 1_000_000
    try:
        found = [
            float(calc_price(usage, model_ref=model, provider_api_url=url, price_context=context).total_price)
            for context in (None, {"processing": "batch"})  # without a price of its own a batch costs what all costs
            for usage in (Usage(input_tokens=million), Usage(output_tokens=million))
        ]
    except (LookupError, ValueError):
        return None
    batch = {} if found[:2] == found[2:] else {"batch_input": found[2], "batch_output": found[3]}
    return Price(input=found[0], output=found[1], **batch)


def mix_prices(
    before: Price | None, tokens_before: tuple[int, int], price: Price | None, tokens: tuple[int, int]
) -> Price | None:
    """The price of all tokens on average, where those that came last had another price; None where it is unknown.

    Args:
        before: of the first tokens.
        tokens_before: how many these are, in and out.
        price: of the others.
        tokens: all, in and out.
    """
    if before == price or not any(tokens_before):
        return price
    if tokens == tokens_before:
        return before
    if before is None or price is None:
        return None
    (inputs_before, outputs_before), (inputs, outputs) = tokens_before, tokens
    return Price(
        input=(before.input * inputs_before + price.input * (inputs - inputs_before)) / max(inputs, 1),
        output=(before.output * outputs_before + price.output * (outputs - outputs_before)) / max(outputs, 1),
        batch_input=price.batch_input,
        batch_output=price.batch_output,
    )


@dataclass(slots=True)
class Spending:
    """Requests, tokens (in and out) and USD: spent, or about to be."""

    calls: int = 0
    tokens: float = 0.0
    cost: float = 0.0


@dataclass(frozen=True)
class BudgetLimits:
    """The user's limits, each None for none; the names are those of the flags."""

    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None


class Budget:
    """What is left of the limits; retries count, journal hits do not.

    Args:
        limits: totals over the life of the folder.
        spent: what the journal already knows of.

    Attributes:
        spent: so far.
        waiting: requests that wait for room.
        on_wait: is called when one begins to.
    """

    def __init__(self, limits: BudgetLimits, spent: Spending) -> None:
        self._limits = limits
        self.spent = spent
        self._reserved = Spending()
        self._is_limited = limits != BudgetLimits()
        self._changed: asyncio.Event | None = None
        self.waiting = 0
        self.on_wait: Callable[[], None] = lambda: None

    async def reserve(self, worst: Spending, *, is_patient: bool = False) -> None:
        """Put aside what one request may take at most; wait for room while others are in flight.

        Args:
            worst: case of the request.
            is_patient: wait for those in flight also where they cannot give back, so that they are not cut short.

        Raises:
            BudgetExhausted: there is no room, and nothing in flight that could give back.
        """
        while not self.try_reserve(worst):
            name, text = self._find_exceeded(worst) or ("", "")
            if (name == "max_calls" and not is_patient) or not self._reserved.calls:
                raise BudgetExhausted(text)
            if self._changed is None:
                self._changed = asyncio.Event()
            self.waiting += 1
            self.on_wait()
            try:
                await self._changed.wait()
            finally:
                self.waiting -= 1

    def adopt(self, worst: Spending) -> None:
        """Put aside for a request that is out already, whatever the limits are."""
        self._reserved.calls += worst.calls
        self._reserved.tokens += worst.tokens
        self._reserved.cost += worst.cost

    def try_reserve(self, worst: Spending) -> bool:
        """Put aside what one request may take at most, if there is room at once."""
        if self._is_limited and self._find_exceeded(worst):
            return False
        self.adopt(worst)
        return True

    def release(self, worst: Spending) -> None:
        """One reserved request is not sent."""
        self._reserved.calls -= worst.calls
        self._reserved.tokens -= worst.tokens
        self._reserved.cost -= worst.cost
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def settle(self, worst: Spending, tokens: float, cost: float) -> None:
        """One reserved request is over; it took so many tokens and USD, 0 where it brought no reply."""
        self.spent.calls += worst.calls
        self.spent.tokens += tokens
        self.spent.cost += cost
        self.release(worst)

    def _find_exceeded(self, worst: Spending) -> tuple[str, str] | None:
        """The first limit that one more request could exceed, and a sentence about it."""
        limits, spent, reserved = self._limits, self.spent, self._reserved
        if limits.max_calls is not None and spent.calls + reserved.calls + worst.calls > limits.max_calls:
            sent = spent.calls + reserved.calls
            return "max_calls", f"--max-calls {limits.max_calls} is used up ({sent} requests sent)"
        if limits.max_tokens is not None and spent.tokens + reserved.tokens + worst.tokens > limits.max_tokens:
            return "max_tokens", (
                f"--max-tokens {limits.max_tokens} leaves no room for another call "
                f"({spent.tokens:.0f} tokens used, one more may take {worst.tokens:.0f})"
            )
        if limits.max_cost is not None and spent.cost + reserved.cost + worst.cost > limits.max_cost:
            return "max_cost", (
                f"--max-cost {limits.max_cost:g} leaves no room for another call "
                f"(${spent.cost:.4f} spent, one more may cost ${worst.cost:.4f})"
            )
        return None
