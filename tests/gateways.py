"""Gateways in front of scripted endpoints, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson

from evol.accounts import Terms
from evol.backends.base import Backend
from evol.backends.scripted import ScriptedBackend
from evol.config import LimitsConfig
from evol.cost import Budget, BudgetLimits, Spending
from evol.gateway import Gateway
from evol.journal import JOURNAL_NAME, Journal
from evol.records import Completion, CompletionRequest, Price, Role
from evol.routing import Route, Router
from evol.throttle import Rates, Throttle
from virtual_time import VirtualLoop, count_seconds, run_virtually

T = TypeVar("T")
Script = Callable[[CompletionRequest], str | Completion]


def request(number: int, role: Role = "evolver") -> CompletionRequest:
    """A request of its own lineage; its body has 7 bytes while numbers have one digit."""
    return CompletionRequest(f"s{number}", 1, role, 1, b'{"n":%d}' % number, number)


class Endpoint(ScriptedBackend):
    """A scripted endpoint with a name of its own.

    Attributes:
        sent: what it was asked for: seconds since the start and seed id.
    """

    def __init__(self, script: Script, name: str = "a", latency: float = 0.0) -> None:
        super().__init__(script, latency)
        self.label, self.verified_by = f"m at {name}", name
        self.sent: list[tuple[float, str]] = []

    async def complete(self, request: CompletionRequest) -> Completion:
        """The script's reply."""
        self.sent.append((count_seconds(), request.seed_id))
        return await super().complete(request)

    @property
    def moments(self) -> list[float]:
        """When it was asked."""
        return [moment for moment, _ in self.sent]


def make_gateway(
    journal: Journal,
    backends: Mapping[Role, Backend | Sequence[Backend]],
    loop: VirtualLoop,
    limits: LimitsConfig | None = None,
    *,
    slots: int = 4,
    budget: Budget | None = None,
    rates: Rates | None = None,
    notice: Callable[[str], None] = lambda text: None,
    **terms: Any,
) -> Gateway:
    """A gateway with one router for the roles that share their endpoints; `terms` go to all of them."""
    routers: dict[tuple[str, ...], Router] = {}
    found: dict[Role, Terms] = {}
    for role, given in backends.items():
        several = given if isinstance(given, Sequence) else [given]
        names = tuple(backend.verified_by for backend in several)
        if names not in routers:
            throttles = [Throttle(backend.label, slots, loop.time, rates) for backend in several]
            routers[names] = Router(list(map(Route, several, throttles)), loop.time)
        found[role] = Terms(routers[names], **terms)
    spent = Spending(journal.attempts)
    return Gateway(journal, found, budget or Budget(BudgetLimits(), spent), limits or LimitsConfig(), loop.time, notice)


def run_with_journal(folder: Path, main: Callable[[Journal, VirtualLoop], Awaitable[T]]) -> T:
    """Run a coroutine on a virtual clock with a folder's journal."""
    with Journal.open_for_run(folder, print) as journal:
        return run_virtually(lambda loop: main(journal, loop))


async def ask(gateway: Gateway, *requests: CompletionRequest) -> list[Any]:
    """Ask all at once; texts of the replies, or errors, in order."""
    found = await asyncio.gather(*map(gateway.complete, requests), return_exceptions=True)
    return [reply.text if isinstance(reply, Completion) else reply for reply in found]


def ask_all(
    folder: Path,
    script: Script | ScriptedBackend,
    count: int,
    limits: LimitsConfig | None = None,
    *,
    slots: int = 4,
    max_calls: int | None = None,
    **more: Any,
) -> tuple[list[Any], Gateway, int]:
    """Ask for `count` calls at once; texts or errors in order, the gateway, and requests sent as journaled."""
    backend = script if isinstance(script, ScriptedBackend) else ScriptedBackend(script)

    async def main(journal: Journal, loop: VirtualLoop) -> tuple[list[Any], Gateway, int]:
        budget = Budget(BudgetLimits(max_calls), Spending(journal.attempts))
        gateway = make_gateway(journal, {"evolver": backend}, loop, limits, slots=slots, budget=budget, **more)
        return await ask(gateway, *map(request, range(count))), gateway, journal.attempts

    return run_with_journal(folder, main)


def read_records(folder: Path) -> list[dict[str, Any]]:
    """The calls and failures of a folder's journal, in order."""
    lines = (folder / JOURNAL_NAME).read_bytes().splitlines()
    return [record for record in map(orjson.loads, lines) if record["kind"] in ("call", "failure")]


def open_price() -> Price:
    """One USD for a token in, two for a token out."""
    return Price(input=1e6, output=2e6)
