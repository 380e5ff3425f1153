"""The protocols of a backend: one coroutine, and a way to close it; for batches also how they are paid and begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from evol.journal import Journal
from evol.records import BatchProgress, Completion, CompletionRequest


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


class Accounts(Protocol):
    """What a batch needs of the gateway: each request it sends is paid for, each reply is journaled."""

    def adopt(self, request: CompletionRequest) -> None:
        """A request is out since an earlier run: its worst case is put aside."""

    def keep(self, request: CompletionRequest, completion: Completion, latency: float) -> None:
        """A request that is out brought this outcome; one that the journal knows already is passed over."""

    def lose(self, request: CompletionRequest, error: str, spent: Completion | None, intent: str) -> None:
        """A request that is out brought no reply; a failure of this batch that is known already is passed over.

        Args:
            request: as it was sent.
            error: what happened.
            spent: the usage of an empty reply, None where it never was at work.
            intent: of its batch.
        """

    def release(self, request: CompletionRequest) -> None:
        """A request was not taken, and never was out."""


@runtime_checkable
class BatchingBackend(Backend, Protocol):
    """Answers many requests together; whoever asks waits long, so many must ask at once.

    It puts replies into the journal itself, before whoever asked goes on.

    Attributes:
        window: lineages that shall be open at once.
        waiting: calls of `complete` that wait.
        is_busy: results are being handed out, more requests may follow at once.
    """

    window: int

    @property
    def waiting(self) -> int:
        """Calls of `complete` that wait."""
        ...

    @property
    def is_busy(self) -> bool:
        """Whether results are being handed out: more requests may follow at once."""
        ...

    def attach(
        self,
        journal: Journal,
        accounts: Accounts,
        look: Callable[[], None],
        changed: Callable[[], None],
        notice: Callable[[str], None],
    ) -> None:
        """Before anything else.

        Args:
            journal: keeps what becomes of each batch; the requests' files stand in a folder beside it.
            accounts: the gateway's.
            look: is called when somebody begins to wait; it shall `flush` when all do.
            changed: is called when something has become of a batch.
            notice: tells the user.
        """

    async def begin(self) -> None:
        """Go on with batches of this backend that are out."""

    def is_out(self, key: str) -> bool:
        """Whether a request is paid for already."""
        ...

    def flush(self) -> None:
        """Send what was collected."""

    def list_out(self) -> list[BatchProgress]:
        """The batches that are out."""
        ...

    async def drain(self) -> None:
        """Wait until no batch is out, also for those whose results nobody waits for: they are paid.

        Raises:
            EvolError: nothing more can be had here.
        """
