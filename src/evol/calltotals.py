"""Running figures of a journal's records: how many calls, failures and tokens, and what they cost. Pure."""

from __future__ import annotations

from typing import Any

from evol.records import UNKNOWN_TOKENS, CallCount, Price

BYTES_PER_TOKEN = 4
"""To estimate the tokens of calls without usage."""

_MAX_TOKENS = 1 << 40


class CallTotals:
    """Running counts of one role; `freeze` gives the persisted form."""

    __slots__ = (
        "attempts",
        "batch_input_tokens",
        "batch_output_tokens",
        "calls",
        "calls_without_usage",
        "estimated_input_tokens",
        "estimated_output_tokens",
        "failures",
        "input_tokens",
        "output_tokens",
    )

    def __init__(self) -> None:
        self.calls = self.attempts = self.failures = 0
        self.input_tokens = self.output_tokens = self.calls_without_usage = 0
        self.estimated_input_tokens = self.estimated_output_tokens = 0
        self.batch_input_tokens = self.batch_output_tokens = 0

    def add(self, head: dict[str, Any], request_bytes: int = 0, reply_bytes: int = 0) -> None:
        """Count one record by the figures at its head; without usage its tokens are estimated from its size.

        Raises:
            ValueError: figures that are no counts of tokens.
        """
        for tokens in (head["input_tokens"], head["output_tokens"]):
            if not isinstance(tokens, int) or not UNKNOWN_TOKENS <= tokens < _MAX_TOKENS:
                raise ValueError("no count of tokens")
        before = self.tokens if "batch" in head else None
        self._add(head, request_bytes, reply_bytes)
        if before is not None:
            self.batch_input_tokens += self.tokens[0] - before[0]
            self.batch_output_tokens += self.tokens[1] - before[1]

    def _add(self, head: dict[str, Any], request_bytes: int, reply_bytes: int) -> None:
        self.attempts += 1
        if head["kind"] == "failure":
            self.failures += 1
            self.input_tokens += max(0, head["input_tokens"])  # an empty reply has usage, and a price
            self.output_tokens += max(0, head["output_tokens"])
            return
        self.calls += 1
        if head["input_tokens"] == UNKNOWN_TOKENS or head["output_tokens"] == UNKNOWN_TOKENS:
            self.calls_without_usage += 1
            self.estimated_input_tokens += request_bytes // BYTES_PER_TOKEN
            self.estimated_output_tokens += reply_bytes // BYTES_PER_TOKEN
        else:
            self.input_tokens += head["input_tokens"]
            self.output_tokens += head["output_tokens"]

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens in and out, estimates included."""
        return self.input_tokens + self.estimated_input_tokens, self.output_tokens + self.estimated_output_tokens

    def cost_at(self, price: Price) -> float:
        """USD of all calls, those of batches at what they cost there."""
        return price.of(*self.tokens, self.batch_input_tokens, self.batch_output_tokens)

    def freeze(self, price: Price | None = None) -> CallCount:
        """The persisted form, with its cost where the price is known."""
        cost = None if price is None else round(self.cost_at(price), 6)
        return CallCount(cost=cost, **{name: getattr(self, name) for name in self.__slots__})
