"""The protocol of a backend: one coroutine, and a way to close it."""

from __future__ import annotations

from typing import Protocol

from evol.records import Completion, CompletionRequest


class Backend(Protocol):
    """Answers one request and hides how.

    Attributes:
        label: who answers, for the first line a user sees, e.g. `gpt-4o at https://api.openai.com/v1`.
        verified_by: identity of endpoint and model; the first call of each identity goes alone.
    """

    label: str
    verified_by: str

    async def complete(self, request: CompletionRequest) -> Completion:
        """Make one attempt.

        Raises:
            TransientCallError: worth another attempt.
            EmptyReplyError: a reply without content; worth another attempt, in the end an outcome.
            CallRejected: this request will be refused again.
            EndpointError: nothing can be had here (key, quota).
        """
        ...

    async def close(self) -> None:
        """Release connections and servers."""
        ...
