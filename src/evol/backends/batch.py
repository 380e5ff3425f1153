"""Many requests in one batch, at half the price, within a day: behind the same `complete` as a single call.

Requests are collected until `flush`, which the session calls when every open lineage waits, or until a batch is as
large as one may be. What a batch goes through: its requests are stored in a file, its intent is journaled and on the
disk, the file is uploaded, the batch created with the intent as metadata, and that is journaled too; it is looked at
again and again, until it has ended; its results are matched by key, journaled one by one in the order of the requests,
and then whoever waits goes on. A process may die between any two of these steps: the next one finds the intent in the
journal, asks the server for a batch with that metadata, and goes on from there, so that no request is paid twice.

Whatever a batch did not answer (expired, cancelled, 429, 5xx, a line that is missing) goes into the next one, up to
TRIES times. What it refused means what it means at the endpoint. A service that holds only so many tokens in its queue
is given smaller batches, one after another.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from evol.backends.base import Accounts
from evol.backends.batchclient import ENDED, Batch, Connection
from evol.backends.batchservice import BatchService, NotTaken, tell_way_out
from evol.batchfiles import MOST_BYTES, MOST_REQUESTS, Result, count_bytes, interpret, is_same_refusal
from evol.batchfiles import split as split_sizes
from evol.batchstore import BatchStore, ResultIndex
from evol.config import LimitsConfig
from evol.errors import CallFailed, CallRejected, EmptyReplyError, EndpointError, EvolError, TransientCallError
from evol.journal import Journal
from evol.records import BatchProgress, BatchRecord, BatchState, Completion, CompletionRequest

TRIES = 3
"""Batches that a request goes through before it is given up, or its empty reply is taken as the outcome."""
MORE_TRIES = 2
"""Times that missing results are looked for again before they are taken for lost."""
OVERDUE = 72 * 3600.0
"""Seconds after which a batch that promised an end within 24 hours is told to be stuck."""
LAUNCH_GRACE = 30.0
"""Seconds that a batch which is being sent is given when the run stops."""
QUEUE_FULL = ("token_limit_exceeded", "request_limit_exceeded")
"""Codes of a batch that failed because too much waits already (OpenAI: enqueued tokens of a model)."""

_CHUNK = 500  # results handed out before others have a turn


@dataclass
class _Out:
    """A batch that is out.

    Attributes:
        record: as it stands in the journal.
        keys: of its requests.
        told: what the server said last.
        is_adopted: an earlier process made it.
        launched: is set when it stands at the server.
    """

    record: BatchRecord
    keys: set[str]
    told: Batch | None = None
    is_adopted: bool = False
    since: float = 0.0
    launched: asyncio.Event = field(default_factory=asyncio.Event)


class BatchBackend:
    """One model behind one Batch API.

    Args:
        connection: where and as whom.
        limits: window, pauses, when to give up.
        most_requests: of one batch.
        most_bytes: of one batch.
        sleep: waits so many seconds.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        connection: Connection,
        limits: LimitsConfig,
        most_requests: int = MOST_REQUESTS,
        most_bytes: int = MOST_BYTES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.label = connection.label
        self.verified_by = connection.label
        self.window = limits.batch_window
        self._service = BatchService(connection, limits, sleep, clock)
        self._secrets = connection.secrets
        self._most_requests, self._most_bytes = most_requests, most_bytes
        self._journal: Journal | None = None
        self._waiting: dict[str, asyncio.Future[Completion]] = {}
        self._collected: dict[str, CompletionRequest] = {}
        self._collected_bytes = 0
        self._due: list[CompletionRequest] = []
        self._out: dict[str, _Out] = {}
        self._tries: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._handing_out = 0
        self._one_by_one = False
        self._failures = 0
        self._broken: BaseException | None = None

    @property
    def waiting(self) -> int:
        """See `backends.base.BatchingBackend`."""
        return len(self._waiting)

    @property
    def is_busy(self) -> bool:
        """See `backends.base.BatchingBackend`."""
        return self._handing_out > 0

    def attach(
        self,
        journal: Journal,
        accounts: Accounts,
        look: Callable[[], None],
        changed: Callable[[], None],
        notice: Callable[[str], None],
    ) -> None:
        """See `backends.base.BatchingBackend`."""
        self._journal, self._accounts = journal, accounts
        self._look, self._changed, self._notice = look, changed, notice
        self._store = BatchStore(journal.path)
        self._service.notice = notice
        self._service.is_known = any(one.batch_id and one.label == self.label for one in journal.batches.values())

    async def begin(self) -> None:
        """See `backends.base.BatchingBackend`.

        Raises:
            FolderError: the file of a batch that is out is damaged.
        """
        assert self._journal is not None  # noqa: S101 - `attach` comes first
        self._store.remove_others({one.intent for one in self._journal.open_batches})
        for record in [one for one in self._journal.open_batches if one.label == self.label]:
            if not self._store.is_there(record):  # the user's word that it is lost
                self._notice(f"batch {record.batch_id or record.intent}: its file was removed, so it is given up")
                self._note(record, "abandoned")
                continue
            keys = set()
            for request in self._store.read(record.intent):
                keys.add(request.key)
                self._accounts.adopt(request)
            self._follow(_Out(record, keys, is_adopted=True, since=record.time))

    def is_out(self, key: str) -> bool:
        """See `backends.base.BatchingBackend`."""
        return any(key in out.keys for out in self._out.values())

    def list_out(self) -> list[BatchProgress]:
        """See `backends.base.BatchingBackend`."""
        return [
            BatchProgress(
                intent=out.record.intent,
                batch_id=out.record.batch_id,
                label=self.label,
                state=out.told.state if out.told else "created" if out.record.batch_id else "submitting",
                requests=out.record.requests,
                completed=out.told.completed if out.told else 0,
                failed=out.told.failed if out.told else 0,
                since=out.since,
                expires=out.told.expires if out.told else None,
            )
            for out in self._out.values()
        ]

    async def complete(self, request: CompletionRequest) -> Completion:
        """Wait for the reply, however many hours; see `backends.base.Backend.complete`.

        Raises:
            CallFailed: refused, or tried often enough.
            TransientCallError: not answered this time; to be asked again.
        """
        if self._broken:
            raise self._broken
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting[request.key] = future
        if not self.is_out(request.key):
            size = count_bytes(request.body)
            if self._collected_bytes + size > self._most_bytes or len(self._collected) >= self._most_requests:
                self.flush()
            self._collected[request.key] = request
            self._collected_bytes += size
        try:
            self._look()
            return await future
        finally:
            self._waiting.pop(request.key, None)

    def flush(self) -> None:
        """See `backends.base.BatchingBackend`."""
        if self._broken:
            return
        self._due += sorted(self._collected.values(), key=lambda request: request.position)
        self._collected.clear()
        self._collected_bytes = 0
        self._submit_due()

    async def drain(self) -> None:
        """See `backends.base.BatchingBackend`."""
        while self._tasks and not self._broken:
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if self._broken:
            raise self._broken

    async def close(self) -> None:
        """Stop looking at batches, and release connections; the batches go on."""
        launching = [out for out in self._out.values() if not out.launched.is_set()]
        if launching and not self._broken:
            waits = [asyncio.ensure_future(out.launched.wait()) for out in launching]
            await asyncio.wait(waits, timeout=LAUNCH_GRACE)
            for wait in waits:
                wait.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._service.close()
        if self._out:
            names = ", ".join(out.record.batch_id or f"intent {out.record.intent}" for out in self._out.values())
            requests = sum(out.record.requests for out in self._out.values())
            self._notice(
                f"{len(self._out)} {'batch is' if len(self._out) == 1 else 'batches are'} out with {requests:,} "
                f"requests ({names}); the same command picks them up, nothing of them is sent again"
            )

    def _submit_due(self) -> None:
        """Make batches of what is due."""
        try:
            while self._due and not (self._one_by_one and self._out):
                sizes = (count_bytes(request.body) for request in self._due)
                count = next(split_sizes(sizes, self._most_requests, self._most_bytes))
                requests, self._due = self._due[:count], self._due[count:]
                intent = uuid.uuid4().hex
                sha256 = self._store.write(intent, requests)
                now = round(time.time(), 3)
                record = BatchRecord(
                    intent=intent, state="intent", label=self.label, requests=count, sha256=sha256, time=now
                )
                assert self._journal is not None  # noqa: S101 - `attach` comes first
                self._journal.append_batch(record)
                self._follow(_Out(record, {request.key for request in requests}, since=now))
        except EvolError as error:  # the disk
            self._break(error)

    def _follow(self, out: _Out) -> None:
        self._out[out.record.intent] = out
        self._changed()
        task = asyncio.get_running_loop().create_task(self._carry_out(out))
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._break(bug)  # nobody awaits the task, but somebody waits for its results

    async def _carry_out(self, out: _Out) -> None:
        """Everything from the intent to the last result."""
        try:
            batch = await self._launch(out)
            self._tell(out, batch)
            batch = await self._await_end(out, batch)
            if batch.state == "failed" and not batch.output_id:
                self._take_failure(out, batch)
                await self._service.pause(self._failures)
                self._failures += 1
            else:
                await self._take_results(out, batch)
            self._look()
        except EvolError as error:
            self._break(error)
        finally:
            out.launched.set()

    async def _await_end(self, out: _Out, batch: Batch) -> Batch:
        """Look until nothing more comes.

        Raises:
            EndpointError: the server does not end it, or does not say where its results are.
        """
        times = misses = 0
        while batch.state not in ENDED or batch.lacks_results:
            if batch.state not in ENDED:
                if time.time() - out.since > OVERDUE:
                    raise self._describe_loss(out, f"is still {batch.state!r} after {OVERDUE / 3600:.0f} hours")
            elif misses == MORE_TRIES:
                if batch.error_id:
                    break
                raise self._describe_loss(out, f"is {batch.state}, and the server names no file of results")
            else:
                misses += 1
            await self._service.pause(times)
            times += 1
            batch = await self._service.look(out.record, self._store)
            self._tell(out, batch)
        return batch

    def _describe_loss(self, out: _Out, what: str) -> EndpointError:
        return EndpointError(
            f"{self.label}: the batch {out.record.batch_id} {what}",
            f"the same command looks again; {tell_way_out(out.record, self._store)}",
        )

    async def _launch(self, out: _Out) -> Batch:
        """Have the batch stand at the server, once."""
        if out.record.batch_id:
            out.launched.set()
            return await self._service.look(out.record, self._store)
        try:
            found = await self._service.launch(out.record, self._store, is_adopted=out.is_adopted)
        except NotTaken:
            self._forget(out, "failed")
            raise
        out.record = self._note(out.record, "created", found.id)
        out.launched.set()
        return found

    def _tell(self, out: _Out, batch: Batch) -> None:
        """Keep what the server said, and tell the user of a new state."""
        before, out.told = out.told, batch
        if before is None or before.state != batch.state:
            counts = f", {batch.completed:,} answered, {batch.failed:,} failed" if batch.state in ENDED else ""
            self._changed()
            self._notice(f"batch {batch.id} of {out.record.requests:,} requests: {batch.state}{counts}")

    def _note(self, record: BatchRecord, state: BatchState, batch_id: str = "") -> BatchRecord:
        """Journal what became of a batch."""
        assert self._journal is not None  # noqa: S101 - `attach` comes first
        noted = record.model_copy(
            update={"state": state, "batch_id": batch_id or record.batch_id, "time": round(time.time(), 3)}
        )
        self._journal.append_batch(noted)
        return noted

    def _take_failure(self, out: _Out, batch: Batch) -> None:
        """The server did not take the batch; nothing of it was paid.

        Raises:
            EndpointError: and will not take it another time.
        """
        requests = list(self._store.read(out.record.intent))
        self._forget(out, "failed")
        said = f"{self.label}: batch {batch.id} was not taken: {batch.error or 'no reason given'} ({batch.error_code})"
        if batch.error_code not in QUEUE_FULL or (len(requests) == 1 and not self._out):
            for request in requests:
                self._accounts.release(request)
            raise EndpointError(said, "check --model and the settings of its requests; nothing of it was paid")
        if not self._out:  # nothing of ours is in the way, so it was too large by itself
            self._most_requests = max(1, len(requests) // 2)
        self._one_by_one = True
        self._notice(f"{said}; sent in smaller batches, one after another")
        self._due = [request for request in requests if request.key in self._waiting] + self._due
        for request in requests:
            if request.key not in self._waiting:
                self._accounts.release(request)

    async def _take_results(self, out: _Out, batch: Batch) -> None:
        """Journal all results in the order of the requests; who waits goes on.

        Raises:
            EndpointError: all requests were refused alike, and nothing was ever answered.
        """
        assert self._journal is not None  # noqa: S101 - `attach` comes first
        self._handing_out += 1
        try:
            results = await self._fetch_results(out, batch)
            refused: list[tuple[CompletionRequest, CallRejected]] = []
            answered = 0
            for number, request in enumerate(self._store.read(out.record.intent), 1):
                try:
                    answered += self._take_result(out, request, results.read(request.key), batch)
                except CallRejected as error:
                    refused.append((request, error))
                else:
                    out.keys.discard(request.key)  # whoever asks for it again asks anew
                if number % _CHUNK == 0:
                    await asyncio.sleep(0)
            is_useless = bool(refused) and not answered and not self._journal.calls
            for request, refusal in refused:
                self._accounts.lose(request, refusal.message, None, out.record.intent)
            self._forget(out, "finished")
            if is_useless and is_same_refusal([refusal for _, refusal in refused]):
                raise EndpointError(
                    f"{self.label}: every request was refused: {refused[0][1].message}",
                    "check --model and the sampling keys; a key the server does not know can be left out with "
                    "`key = false`",
                )
            for request, refusal in refused:  # these concern single requests
                self._reject(request.key, CallFailed(refusal.message, refusal.status))
            for _ in range(3):
                await asyncio.sleep(0)  # who goes on may ask at once
        finally:
            self._store.remove_results(out.record.intent)
            self._handing_out -= 1

    async def _fetch_results(self, out: _Out, batch: Batch) -> ResultIndex:
        """The results of a batch; where fewer came than the server has, they are fetched again.

        Raises:
            EndpointError: there is none among them.
        """
        paths = self._store.result_paths(out.record.intent)
        for times in range(MORE_TRIES + 1):
            for file_id, path in zip((batch.output_id, batch.error_id), paths, strict=True):
                if file_id:
                    await self._service.fetch(out.record, self._store, file_id, path)
            results = ResultIndex(paths, out.keys)
            if results.answered >= batch.completed and not results.is_useless:
                break
            if times < MORE_TRIES:
                await self._service.pause(times)
        for oddity in results.list_oddities():
            self._notice(f"batch {batch.id}: its results hold {oddity}; passed over")
        if results.is_useless:  # whoever took this for missing results would pay for all of them again
            raise self._describe_loss(out, f"is {batch.state}, and its files hold no result of its requests")
        return results

    def _take_result(self, out: _Out, request: CompletionRequest, result: Result | None, batch: Batch) -> int:
        """Take one result; 1 if it is an outcome.

        Raises:
            CallRejected: it was refused.
        """
        spent = None
        try:
            found = result or Result(request.key, 0, b"", f"the batch {batch.state} without it")
            completion = interpret(found, self.label, self._secrets)
        except EmptyReplyError as error:
            spent = Completion("", error.finish_reason, error.input_tokens, error.output_tokens)
            if self._tries[request.key] + 1 < TRIES:
                self._put_back(out, request, error, spent)
                return 0
            completion = spent
        except TransientCallError as error:
            self._put_back(out, request, error, None)
            return 0
        except EndpointError as error:
            self._accounts.lose(request, error.message, None, out.record.intent)
            self._reject(request.key, error)
            return 0
        self._accounts.keep(request, completion, max(0.0, time.time() - out.since))
        if (future := self._waiting.pop(request.key, None)) is not None and not future.done():
            future.set_result(completion)
        return 1

    def _put_back(
        self, out: _Out, request: CompletionRequest, error: TransientCallError, spent: Completion | None
    ) -> None:
        """A request that was not answered is asked again, or given up."""
        self._tries[request.key] += 1
        self._accounts.lose(request, error.message, spent, out.record.intent)
        if self._tries[request.key] < TRIES:
            self._reject(request.key, error)
        else:
            self._reject(request.key, CallFailed(f"gave up after {TRIES} batches: {error.message}", error.status))

    def _reject(self, key: str, error: BaseException) -> None:
        if (future := self._waiting.pop(key, None)) is not None and not future.done():
            future.set_exception(error)

    def _forget(self, out: _Out, state: BatchState) -> None:
        """The batch is over; its files go when the journal is on the disk."""
        self._note(out.record, state)
        del self._out[out.record.intent]
        self._store.remove(out.record.intent)
        self._changed()

    def _break(self, error: BaseException) -> None:
        """Nothing more can be had here."""
        self._broken = error
        for key in list(self._waiting):
            self._reject(key, error)
