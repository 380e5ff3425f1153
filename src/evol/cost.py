"""The budget of a run folder: how many requests may be sent over its whole life."""

from __future__ import annotations

from evol.errors import BudgetExhausted


class Budget:
    """Counts requests before they are sent; retries count, journal hits do not.

    Args:
        max_calls: the limit, None for none.
        spent: requests that the journal already knows of.
    """

    def __init__(self, max_calls: int | None, spent: int) -> None:
        self._max_calls = max_calls
        self.spent = spent

    def reserve(self) -> None:
        """Count one request that is about to be sent.

        Raises:
            BudgetExhausted: it may not be sent.
        """
        if self._max_calls is not None and self.spent >= self._max_calls:
            raise BudgetExhausted(f"--max-calls {self._max_calls} is used up ({self.spent} requests sent)")
        self.spent += 1
