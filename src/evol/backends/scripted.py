"""A scripted double: a function from request to text, for tests and for trying a pipeline without a model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from evol.records import Completion, CompletionRequest


class ScriptedBackend:
    """Answers every request by a function.

    Args:
        script: gets the request, gives the reply's text or a whole `Completion`; may raise a call error.
        latency: seconds each call takes.
    """

    def __init__(self, script: Callable[[CompletionRequest], str | Completion], latency: float = 0.0) -> None:
        self._script = script
        self._latency = latency
        self.label = "a script"
        self.verified_by = "script"

    async def complete(self, request: CompletionRequest) -> Completion:
        """The script's reply; see `backends.base.Backend.complete`."""
        await asyncio.sleep(self._latency)
        reply = self._script(request)
        return Completion(reply, "stop") if isinstance(reply, str) else reply

    async def close(self) -> None:
        """Nothing to release."""
