"""Work that asks models, done again from what is known already: no model, no network, no event loop.

A lineage, a rating, a comparison are coroutines that await nothing but `complete`. Where that is answered at once
nothing in them ever suspends, so one step runs them to their end, or to the first request that nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from evol.lineage import Complete
from evol.records import Completion, CompletionRequest

T = TypeVar("T")

Find = Callable[[CompletionRequest], Completion | None]
"""What is known of a request, None where nothing is; `Journal.find` is one."""


class NotKnown(Exception):
    """The work cannot go on: a request without a completion.

    Attributes:
        request: the first such.
    """

    def __init__(self, request: CompletionRequest) -> None:
        super().__init__()
        self.request = request


def replay(work: Callable[[Complete], Coroutine[Any, Any, T]], find: Find) -> T:
    """Carry work out with what is known.

    Args:
        work: takes `complete`, and awaits nothing else.
        find: what is known.

    Raises:
        NotKnown: at the first request of which nothing is known.
    """

    async def complete(request: CompletionRequest) -> Completion:
        if (known := find(request)) is None:
            raise NotKnown(request)
        return known

    try:
        work(complete).send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    raise AssertionError("a replay waited for something else than completions")
