"""How the gateway keeps the accounts of a batch: what is put aside, what is journaled, what it cost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from evol.backends.base import BatchingBackend
from evol.cost import Budget, BudgetLimits, Spending
from evol.errors import BudgetExhausted, CallFailed, EndpointError, TransientCallError
from evol.gateway import Gateway, RunStopped
from evol.journal import Journal
from evol.records import Completion, CompletionRequest
from gateways import ask, make_gateway, open_price, read_records, request, run_with_journal
from virtual_time import VirtualLoop

REPLY = Completion("fine", "stop", 4, 3)


class Mail:
    """A batch that brings what the test says, a second after it was asked.

    Attributes:
        out: keys that are paid for already.
        brings: by seed id, what comes back in turn.
        asked: seed ids in order.
    """

    window, waiting, is_busy = 10, 0, False
    label = verified_by = "mail"

    def __init__(self, **brings: list[Completion | Exception]) -> None:
        self.out: set[str] = set()
        self.brings = brings
        self.asked: list[str] = []

    async def complete(self, wanted: CompletionRequest) -> Completion:
        """What it brings next."""
        self.asked.append(wanted.seed_id)
        await asyncio.sleep(1)
        reply = self.brings[wanted.seed_id].pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def is_out(self, key: str) -> bool:
        """Whether it is paid for."""
        return key in self.out

    def attach(self, *_: Any) -> None:
        """Nothing is kept."""

    async def begin(self) -> None:
        """Nothing is out."""

    async def close(self) -> None:
        """Nothing to release."""

    async def drain(self) -> None:
        """Nothing is out."""

    def flush(self) -> None:
        """Nothing is collected."""

    def list_out(self) -> list[Any]:
        """Nothing is out."""
        return []


def keep_accounts(folder: Path, main: Any, limits: BudgetLimits | None = None, **brings: Any) -> Any:
    """Run `main(gateway, mail, budget)` on a gateway whose evolver answers by batch; 50 tokens a reply at most."""

    async def run(journal: Journal, loop: VirtualLoop) -> Any:
        mail = Mail(**brings)
        assert isinstance(mail, BatchingBackend)
        budget = Budget(limits or BudgetLimits(), Spending())
        gateway = make_gateway(
            journal, {"evolver": mail}, loop, budget=budget, max_output_tokens=50, price=open_price()
        )
        return await main(gateway, mail, budget)

    return run_with_journal(folder, run)


def test_a_batch_answers(tmp_path: Path) -> None:
    """Many wait at once, none goes alone at first; what the batch raises for one request is that one's."""

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> tuple[list[Any], list[str]]:
        return await ask(gateway, request(0), request(1), request(2)), mail.asked

    lost = CallFailed("gave up", 500)
    found, asked = keep_accounts(tmp_path, main, s0=[REPLY], s1=[lost], s2=[REPLY])
    assert found == ["fine", lost, "fine"]
    assert asked == ["s0", "s1", "s2"]


def test_what_a_batch_did_not_answer_is_sent_again(tmp_path: Path) -> None:
    """Until it brings a reply; each time it is put aside for anew."""
    nothing = TransientCallError("expired")

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> list[Any]:
        found = await ask(gateway, request(0))
        assert not budget.try_reserve(Spending(1, 58))  # 57 are left of four times 57: this batch gives none back
        assert budget.try_reserve(Spending(1, 57))
        return found

    limits = BudgetLimits(max_tokens=57 * 4)
    assert keep_accounts(tmp_path, main, limits, s0=[nothing, nothing, REPLY]) == ["fine"]


def test_an_unusable_batch_api_ends_the_run(tmp_path: Path) -> None:
    """Whoever waits for another batch is turned away at once."""

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> tuple[list[Any], Any]:
        return await ask(gateway, request(0), request(1)), gateway.fatal

    error = EndpointError("HTTP 401", "check the key")
    found, fatal = keep_accounts(tmp_path, main, s0=[error], s1=[TransientCallError("expired"), REPLY])
    assert [type(reply) for reply in found] == [RunStopped, RunStopped]
    assert fatal is error


def test_what_is_out_already_is_not_paid_for_again(tmp_path: Path) -> None:
    """It was put aside for when the run began, whatever the limits; a new one finds no room then."""

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> tuple[list[Any], Any]:
        mail.out.add(request(0).key)
        gateway.accounts.adopt(request(0))
        found = await ask(gateway, request(0))
        gateway.accounts.keep(request(0), REPLY, 1.5)
        return found + await ask(gateway, request(1)), gateway.fatal

    found, fatal = keep_accounts(tmp_path, main, BudgetLimits(max_tokens=60), s0=[REPLY], s1=[REPLY])
    assert found[0] == "fine"
    assert isinstance(found[1], RunStopped)
    assert isinstance(fatal, BudgetExhausted)


def test_a_request_waits_until_a_batch_gives_back(tmp_path: Path) -> None:
    """Also where only calls are limited: what is out comes back before the run ends."""

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> list[Any]:
        waiting = asyncio.ensure_future(ask(gateway, *map(request, range(3))))
        await asyncio.sleep(5)
        assert mail.asked == ["s0", "s1"]
        gateway.accounts.release(request(0))
        found = await waiting
        assert gateway.fatal is None
        return found

    found = keep_accounts(tmp_path, main, BudgetLimits(max_calls=2), s0=[REPLY], s1=[REPLY], s2=[REPLY])
    assert found == ["fine"] * 3


@pytest.mark.parametrize("where", ["in the batch", "for room", "afterwards"])
def test_the_end_turns_away_whoever_waits_for_a_batch(tmp_path: Path, where: str) -> None:
    """Nobody waits hours for it; what it brings is there for the next run."""

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> tuple[Any, list[str]]:
        if where == "for room":
            gateway.accounts.adopt(request(9))
        waiting = asyncio.ensure_future(ask(gateway, request(0)))
        if where != "afterwards":
            await asyncio.sleep(0.5)
        gateway.stop()
        return (await waiting)[0], mail.asked

    found, asked = keep_accounts(tmp_path, main, BudgetLimits(max_tokens=60), s0=[REPLY])
    assert isinstance(found, RunStopped)
    assert asked == (["s0"] if where == "in the batch" else [])


@pytest.mark.parametrize(
    ("bring", "spent", "kind", "usage"),
    [
        (lambda gateway: gateway.accounts.keep(request(0), REPLY, 1.5), Spending(1, 7, 10.0), "call", (4, 3)),
        (
            lambda gateway: gateway.accounts.keep(request(0), Completion("fine" * 5, "stop"), 1.5),
            Spending(1, 1 + 5, 11.0),
            "call",
            (-1, -1),
        ),
        (
            lambda gateway: gateway.accounts.lose(request(0), "expired", None, "b"),
            Spending(1, 0, 0.0),
            "failure",
            (-1, -1),
        ),
        (
            lambda gateway: gateway.accounts.lose(request(0), "nothing", Completion("", "stop", 4, 2), "b"),
            Spending(1, 6, 8.0),
            "failure",
            (4, 2),
        ),
        (
            lambda gateway: gateway.accounts.lose(request(0), "nothing", Completion("", "stop", -1, -1), "b"),
            Spending(1, 0, 0.0),
            "failure",
            (-1, -1),
        ),
        (lambda gateway: gateway.accounts.release(request(0)), Spending(), None, None),
    ],
)
def test_what_comes_back_is_journaled_and_settled(
    tmp_path: Path, bring: Any, spent: Spending, kind: str | None, usage: tuple[int, int] | None
) -> None:
    """By its usage, as a batch's; nothing of what was put aside stays aside."""

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> None:
        gateway.accounts.adopt(request(0))
        bring(gateway)
        assert budget.spent == spent
        left = 1000 - spent.tokens
        assert not budget.try_reserve(Spending(1, left + 1))
        assert budget.try_reserve(Spending(1, left))

    keep_accounts(tmp_path, main, BudgetLimits(max_tokens=1000))
    records = read_records(tmp_path)
    assert [record["kind"] for record in records] == ([kind] if kind else [])
    for record in records:
        assert record["batch"] is True
        assert (record["input_tokens"], record["output_tokens"]) == usage
        assert (record["latency"], record.get("error")) == (
            (1.5, None) if kind == "call" else (0.0, "nothing" if "nothing" in str(record) else "expired")
        )


def test_a_reply_that_is_known_already_counts_once(tmp_path: Path) -> None:
    """Two batches may have held the same request: the first reply stays, the second is no new expense."""

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> list[Any]:
        for text in ("first", "second"):
            gateway.accounts.adopt(request(0))
            gateway.accounts.keep(request(0), Completion(text, "stop", 4, 3), 1.0)
        assert budget.spent == Spending(1, 7, 10.0)
        assert budget.try_reserve(Spending(1, 993))
        return await ask(gateway, request(0))

    assert keep_accounts(tmp_path, main, BudgetLimits(max_tokens=1000)) == ["first"]
    assert len(read_records(tmp_path)) == 1


def test_a_role_that_is_asked_no_longer(tmp_path: Path) -> None:
    """A batch of an earlier run may bring replies for it: journaled, counted, and without a price."""

    async def main(gateway: Gateway, mail: Mail, budget: Budget) -> None:
        gateway.accounts.adopt(request(0, "judge"))
        assert not budget.try_reserve(Spending(1, 94))  # the request's 7 bytes are put aside
        assert budget.try_reserve(Spending(1, 93))
        gateway.accounts.keep(request(0, "judge"), REPLY, 1.0)
        assert budget.spent == Spending(1, 7, 0.0)

    keep_accounts(tmp_path, main, BudgetLimits(max_tokens=100))
    assert [record["role"] for record in read_records(tmp_path)] == ["judge"]
