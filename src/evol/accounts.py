"""What calls take: expected for the rates, at most for the budget, in the end by usage; those of a batch too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from evol.calltotals import BYTES_PER_TOKEN
from evol.cost import Budget, Spending
from evol.journal import NOTHING, Journal
from evol.records import UNKNOWN_TOKENS, Completion, CompletionRequest, Price, Role
from evol.routing import Router

USUAL_MAX_TOKENS = 512
"""Taken for the bound of replies where requests set none; half of it is the first estimate of a reply."""


@dataclass(frozen=True)
class Terms:
    """On what terms a role is asked.

    Attributes:
        router: its endpoints and their slots.
        max_output_tokens: the most a reply can have, None where requests do not say.
        price: None where unknown.
    """

    router: Router
    max_output_tokens: int | None = None
    price: Price | None = None


class CallAccounts:
    """The accounts of all roles; those of a batch keep also the journal (`backends.base.Accounts`).

    A batch of an earlier run may concern a role that is asked no longer: it has no bound and no price.

    Args:
        journal: open for appending.
        budget: opened at the journal's total.
        terms: of each role.
    """

    def __init__(self, journal: Journal, budget: Budget, terms: Mapping[Role, Terms]) -> None:
        self._journal = journal
        self._budget = budget
        self._prices = {role: term.price for role, term in terms.items()}
        self._bounds = {role: term.max_output_tokens for role, term in terms.items()}
        usual = {role: (bound or USUAL_MAX_TOKENS) / 2 for role, bound in self._bounds.items()}
        self._output_tokens: defaultdict[Role, float] = defaultdict(float, usual)

    def expect(self, request: CompletionRequest) -> float:
        """About how many tokens a request will take, in and out, as the role's replies have been lately."""
        return len(request.body) / BYTES_PER_TOKEN + self._output_tokens[request.role]

    def count_worst(self, request: CompletionRequest) -> Spending:
        """The most that one attempt can take: a token has at least one byte."""
        inputs, outputs = len(request.body), self._bounds.get(request.role) or 0
        return Spending(1, inputs + outputs, self._cost(request.role, inputs, outputs))

    def count(self, request: CompletionRequest, completion: Completion) -> tuple[int, int]:
        """Tokens in and out, by the server's usage, else by length; keeps the role's mean up to date."""
        if UNKNOWN_TOKENS in (completion.input_tokens, completion.output_tokens):
            reply_bytes = len(completion.text.encode("utf-8", "replace"))
            tokens = len(request.body) // BYTES_PER_TOKEN, reply_bytes // BYTES_PER_TOKEN
        else:
            tokens = completion.input_tokens, completion.output_tokens
        self._output_tokens[request.role] += (tokens[1] - self._output_tokens[request.role]) * 0.05
        return tokens

    def settle(self, request: CompletionRequest, tokens: tuple[int, int]) -> None:
        """A request for which its worst case was put aside is over; it took so many tokens in and out."""
        self._budget.settle(self.count_worst(request), sum(tokens), self._cost(request.role, *tokens))

    def adopt(self, request: CompletionRequest) -> None:
        """See `backends.base.Accounts`."""
        self._budget.adopt(self.count_worst(request))

    def keep(self, request: CompletionRequest, completion: Completion, latency: float) -> None:
        """See `backends.base.Accounts`."""
        if self._journal.knows(request.key):
            self.release(request)
            return
        self._journal.append(request, completion, latency=latency, is_batch=True)
        self.settle(request, self.count(request, completion))

    def lose(self, request: CompletionRequest, error: str, spent: Completion | None, intent: str) -> None:
        """See `backends.base.Accounts`."""
        if self._journal.knows_failure(request.key, intent):
            self.release(request)
            return
        usage = spent or NOTHING
        self._journal.append_failure(request, error, usage, intent=intent)
        self.settle(request, (max(0, usage.input_tokens), max(0, usage.output_tokens)))

    def release(self, request: CompletionRequest) -> None:
        """See `backends.base.Accounts`."""
        self._budget.release(self.count_worst(request))

    def _cost(self, role: Role, inputs: int, outputs: int) -> float:
        price = self._prices.get(role)
        return price.of(inputs, outputs) if price else 0.0
