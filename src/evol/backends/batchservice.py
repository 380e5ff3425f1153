"""A Batch API asked with patience: whatever may pass is tried again, and a batch is created once.

Between two tries the pause grows up to the configuration's `poll`; when nothing has worked for `give_up_after` seconds
it is given up. After a `create` that left it open whether the batch stands, the server is asked for it before another
try.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

from evol.backends.batchclient import Batch, BatchClient, Connection
from evol.batchstore import BatchStore
from evol.config import LimitsConfig
from evol.errors import CallRejected, EndpointError, TransientCallError
from evol.records import BatchRecord

FIRST_LOOK = 12
"""The first pause is the longest one divided by this: 5 s of a minute."""
MOST_RESULT = 1 << 20
"""Bytes of a result, in the mean of a batch: ten times what a model's longest replies take."""
MOST_EXTRA = 16 << 20
"""Bytes more, for a batch of few requests."""
SLOWER = 1.5
"""Each pause is so many times the last one."""

T = TypeVar("T")


class NotTaken(EndpointError):
    """The server refused a batch for good, or it was never sent: it does not stand there."""


class BatchService:
    """One Batch API.

    Args:
        connection: where and as whom.
        limits: pauses, and when to give up.
        sleep: waits so many seconds.
        clock: seconds, monotonic.

    Attributes:
        notice: tells the user.
        is_known: the server has been there before, so that it is worth waiting for.
    """

    def __init__(
        self,
        connection: Connection,
        limits: LimitsConfig,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = connection.label
        self._client = BatchClient(connection, limits.timeout)
        self._limits = limits
        self._sleep, self._clock = sleep, clock
        self.notice: Callable[[str], None] = lambda text: None
        self.is_known = False

    async def launch(self, record: BatchRecord, store: BatchStore, *, is_adopted: bool) -> Batch:
        """Have the batch of an intent stand at the server.

        Args:
            record: the intent, which is on the disk.
            store: holds its requests.
            is_adopted: an earlier process made it, and may have got so far.

        Raises:
            NotTaken: it does not stand.
            EndpointError: it may stand.
        """
        if is_adopted and (found := await self._find_again(record)) is not None:
            return found
        may_stand = False

        async def create() -> Batch:
            nonlocal may_stand
            if may_stand and (found := await self._client.find(record.intent, record.time)) is not None:
                return found
            may_stand = True
            try:
                return await self._client.create(file_id, record.intent)
            except (CallRejected, EndpointError):
                may_stand = False
                raise

        try:
            with store.make_upload(record.intent) as path:
                name = f"evol-{record.intent}.jsonl"
                file_id = await self._persist(lambda: self._client.upload(path, name))
            return await self._persist(create)
        except EndpointError as error:
            if may_stand:
                raise
            raise NotTaken(error.message, error.hint) from None

    async def look(self, record: BatchRecord, store: BatchStore) -> Batch:
        """What became of a batch.

        Raises:
            EndpointError: the server does not know it, or cannot be asked.
        """
        with _tell_loss(
            f"{self._label}: the server does not know the batch {record.batch_id} of this folder", record, store
        ):
            return await self._persist(lambda: self._client.look(record.batch_id))

    async def fetch(self, record: BatchRecord, store: BatchStore, file_id: str, path: Path) -> None:
        """Store a file of a batch's results; an endless one is given up.

        Raises:
            EndpointError: it cannot be had.
            StorageError: the disk refused.
        """
        with _tell_loss(
            f"{self._label}: the server has the results of the batch {record.batch_id} no longer", record, store
        ):
            most = MOST_EXTRA + record.requests * MOST_RESULT
            await self._persist(lambda: self._client.fetch(file_id, path, most))

    def list_pauses(self) -> list[float]:
        """Seconds before each look at a batch; the last one is repeated."""
        pauses = [self._limits.poll / FIRST_LOOK]
        while pauses[-1] < self._limits.poll:
            pauses.append(min(pauses[-1] * SLOWER, self._limits.poll))
        return pauses

    async def pause(self, times: int) -> None:
        """Wait before the look that follows `times` others."""
        pauses = self.list_pauses()
        await self._sleep(pauses[min(times, len(pauses) - 1)])

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _find_again(self, record: BatchRecord) -> Batch | None:
        """The batch of an intent that an earlier process left; the server may be slow to list it."""
        for is_second in (False, True):
            if is_second:
                await self.pause(0)
            found = await self._persist(lambda: self._client.find(record.intent, record.time))
            if found is not None:
                return found
        return None

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it works, or nothing has worked for too long.

        Raises:
            EndpointError: it will not work.
        """
        begun, times = self._clock(), 0
        while True:
            try:
                found = await attempt()
            except TransientCallError as error:
                is_over = self._clock() - begun >= self._limits.give_up_after
                if is_over or (error.unreachable and not self.is_known):
                    raise EndpointError(
                        f"{self._label}: {error.message}",
                        "the same command goes on when the endpoint is back; check --base-url if it never was there",
                    ) from None
                pauses = self.list_pauses()
                pause = max(pauses[min(times, len(pauses) - 1)], min(error.retry_after or 0.0, 600.0))
                self.notice(f"{self._label}: {error.message}; tried again in {max(1, round(pause))} s")
                await self._sleep(pause)
                times += 1
            except CallRejected as error:
                raise EndpointError(f"{self._label}: {error.message}", _suggest(error)) from error
            else:
                self.is_known = True
                return found


@contextlib.contextmanager
def _tell_loss(said: str, record: BatchRecord, store: BatchStore) -> Iterator[None]:
    """Where the server does not find what was there before, say the way out."""
    try:
        yield
    except EndpointError as error:
        if not (isinstance(error.__cause__, CallRejected) and error.__cause__.status == 404):
            raise
        raise EndpointError(
            said, f"use the key and the --base-url it was made with; {tell_way_out(record, store)}"
        ) from None


def tell_way_out(record: BatchRecord, store: BatchStore) -> str:
    """What to do about a batch whose results are lost; only the user can say that they are, for they are paid."""
    return f"if it is lost for good, remove {store.calls_path(record.intent)}, and its requests are sent again"


def _suggest(error: CallRejected) -> str:
    if 300 <= error.status < 400:
        return "the endpoint redirects, and redirects are not followed; name its final address with --base-url"
    if error.status in (404, 405):
        return "this endpoint may have no Batch API; use --backend endpoint, or `evol export-batch` for files"
    return "check --model and the settings of its requests"
