"""The append-only record of completed calls: `journal.jsonl`, the one file a run cannot do without.

Promise, exactly:

- Process killed: a record is handed to the kernel (one write(2)) before its reply is handed to the lineage, so nothing
  is lost that was acted upon. A torn last line is cut with a notice; a bad line elsewhere is an error that names it.
- Power lost: the fsync is grouped; it begins at most SYNC_INTERVAL seconds after a record was written. Records since
  the last fsync that came to its end may be gone, and their calls are made again; all before stand. Outputs and
  manifest are written after an fsync of the journal that they were projected from, and the names of new files and
  folders are synced before the first call. A file system that keeps a later block of the window and loses an earlier
  one leaves a damaged line, which the next command names.
- Disk refuses a write or an fsync: nothing of that record stays (what cannot be cut off is a torn last line), no
  further one is taken, no output is written, exit 2. Replies in flight at that moment are lost, at most as many as the
  concurrency. After a refused fsync the disk itself has broken its word about records since the one before.
- Cost: microseconds a record, one fsync per window.

A line is `{"kind":…,"key":…,<figures>,"reply":…,"request":…,"crc":"xxxxxxxx"}`; crc is the CRC-32 of all bytes before
`,"crc"`, so a flipped bit is found too. Kinds: `call` (a completed call), `failure` (a request without a reply: it
counts against the budget, its key is not answered from here; of a batch it names the intent, to count once),
`throttle` (how many calls were in flight from then on), `batch` (what became of a batch, written before it is sent) and
`progress` (how far the run is). The figures stand first, so that opening a journal of a million calls parses only the
head of each line.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

from evol.calltotals import CallTotals
from evol.errors import FolderError, StorageError
from evol.files import open_handle, open_plain, translate_storage_errors
from evol.offsets import OffsetTable
from evol.records import (
    ALL_ROLES,
    ROLES,
    UNKNOWN_TOKENS,
    BatchRecord,
    CallCount,
    Completion,
    CompletionRequest,
    Price,
    Progress,
    Role,
    ThrottleChange,
)

JOURNAL_NAME = "journal.jsonl"
SYNC_INTERVAL = 0.1
"""Seconds between a record and its fsync, at most."""

RecordT = TypeVar("RecordT", bound=BaseModel)

NOTHING = Completion("")
"""Of a request that brought no reply."""
_CRC_LENGTH = len(b',"crc":"00000000"}\n')
_HEAD_START = 128
"""Kind and key stand before the seed's id, in fewer bytes."""
_BLOCK = 1 << 20
_READ_GUESS = 1 << 14


def has_calls(folder: Path, name: str = JOURNAL_NAME) -> bool:
    """Whether the folder's journal holds a completed call of a run, or a batch that is out and may bring some."""
    out: dict[str, bool] = {}
    with contextlib.suppress(OSError, ValueError), open_plain(folder / name) as file:
        for line in file:  # no further than the first call
            # a scorer's calls bind no run; quotes inside strings are escaped, so only the head can hold these bytes
            if line.startswith(b'{"kind":"call"') and b'"role":"scorer"' not in line:
                return True
            if line.startswith(b'{"kind":"batch"') and (content := take_checked(line.rstrip(b"\n"))) is not None:
                record = parse_record(BatchRecord, content)
                out[record.intent] = record.is_open
    return any(out.values())


def parse_record(kind: type[RecordT], content: bytes) -> RecordT:
    """A line of its own kind, given without its checksum and closing brace."""
    found = orjson.loads(content + b"}")
    del found["kind"]
    return kind.model_validate_json(orjson.dumps(found))  # JSON's arrays are tuples as well


def take_checked(line: bytes) -> bytes | None:
    """The content of a line, without its line feed, checksum and closing brace; None if the checksum is wrong."""
    content = line[: 1 - _CRC_LENGTH]
    return content if line[1 - _CRC_LENGTH :] == b',"crc":"%08x"}' % zlib.crc32(content) else None


def describe_damage(path: Path, number: int) -> FolderError:
    """The error of a line that is not whole, and not the last."""
    return FolderError(
        f"{path}:{number}: a damaged line", "restore the file from a copy, or remove that line and pay its call again"
    )


class Journal:
    """An open journal. Use `open_for_run` (repairs, appends) or `open_for_reading` (touches nothing).

    Attributes:
        totals: counts by role, over the whole file.
        throttle_changes: those that the file held when it was opened, in the order they were made.
        batches: the last record of each batch, by intent, in the order of the intents.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._handle = handle
        self._end = 0
        self._table = OffsetTable()
        self._is_dirty = self._is_scheduled = False
        self._broken: StorageError | None = None
        self._syncing: asyncio.Task[None] | None = None
        self._see: Callable[[dict[str, Any]], None] | None = None
        self._only: bytes | None = None
        self.throttle_changes: list[ThrottleChange] = []
        self.batches: dict[str, BatchRecord] = {}
        self._failed: dict[str, set[str]] = {}  # keys by intent, of batches that are out
        self.totals: dict[Role, CallTotals] = {role: CallTotals() for role in ALL_ROLES}

    @classmethod
    @contextlib.contextmanager
    def open_for_run(cls, folder: Path, notify: Callable[[str], None], name: str = JOURNAL_NAME) -> Iterator[Journal]:
        """Open for appending, made new if missing; the caller holds the folder lock.

        Args:
            folder: the run folder.
            notify: gets one sentence if a torn last line was cut.
            name: of the file; a command that writes one file keeps its journal beside it, named after it.

        Raises:
            FolderError: a damaged line that is not the last.
            StorageError: the disk refused.
        """
        path = folder / name
        if path.exists() and not path.is_file():
            raise FolderError(f"{path}: not a regular file", "restore it from a copy; what is paid stands there")
        with translate_storage_errors(path):
            handle = open_handle(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW)
        journal = cls(path, handle)
        try:
            size = os.fstat(handle).st_size
            journal._scan()
            if journal._end < size:
                journal._repair(size, notify)
            journal._is_dirty = size > 0  # a killed run may have left what only the page cache holds
            yield journal
        finally:
            journal._close()

    @classmethod
    @contextlib.contextmanager
    def open_for_reading(
        cls,
        folder: Path,
        see: Callable[[dict[str, Any]], None] | None = None,
        *,
        name: str = JOURNAL_NAME,
        only: str | None = None,
    ) -> Iterator[Journal]:
        """Open read-only, also while a run appends; a torn last line is passed over.

        Args:
            folder: the run folder.
            see: is given the figures at the head of every call and failure, in the order of the file.
            name: of the journal in the folder.
            only: a seed id: no other seed's records are taken in, nor checked.

        Raises:
            FolderError: no journal, or a damaged line that is not the last.
            StorageError: the disk refused.
        """
        path = folder / name
        try:
            handle = open_handle(path)
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}", "is this the folder of a run?") from None
        journal = cls(path, handle)
        journal._see = see
        journal._only = None if only is None else b',"seed_id":' + orjson.dumps(only) + b","
        try:
            journal._scan()
            yield journal
        finally:
            os.close(handle)

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def open_batches(self) -> list[BatchRecord]:
        """Batches whose results are not here."""
        return [record for record in self.batches.values() if record.is_open]

    @property
    def attempts(self) -> int:
        """Requests sent over the whole life of the folder, as far as recorded."""
        return sum(total.attempts for total in self.totals.values())

    @property
    def calls(self) -> int:
        """Completed calls in the file."""
        return sum(total.calls for total in self.totals.values())

    def freeze_totals(self, prices: Mapping[str, Price | None]) -> dict[str, CallCount]:
        """The persisted form of the totals: the roles of a run, and whoever else was asked."""
        return {
            str(role): total.freeze(prices.get(role))
            for role, total in self.totals.items()
            if role in ROLES or total.attempts
        }

    def find(self, request: CompletionRequest) -> Completion | None:
        """The recorded reply of a request, or None.

        Raises:
            FolderError: the line changed on disk since it was read.
            StorageError: the disk refused.
        """
        return self._find(request.key)

    def knows(self, key: str) -> bool:
        """Whether a completed call of this key is recorded.

        Raises:
            FolderError: the line changed on disk since it was read.
            StorageError: the disk refused.
        """
        return self._find(key) is not None

    def _find(self, key: str) -> Completion | None:
        for offset in self._table.find(int(key[:16], 16)):
            try:
                record = self._read_record(offset)
                if record["key"] == key:
                    return Completion(
                        record["reply"], record["finish_reason"], record["input_tokens"], record["output_tokens"]
                    )
            except OSError as error:
                raise StorageError(f"{self._path}: cannot read: {error.strerror}") from None
            except (ValueError, KeyError, TypeError):
                raise FolderError(
                    f"{self._path}: changed while it was read", "let one process use the folder at a time"
                ) from None
        return None

    def append(
        self, request: CompletionRequest, completion: Completion, *, latency: float, is_batch: bool = False
    ) -> None:
        """Record a completed call; returns after write(2).

        Args:
            request: what was asked.
            completion: what came back.
            latency: seconds of the attempt that succeeded.
            is_batch: it came in a batch, at what calls cost there.

        Raises:
            StorageError: the disk refused; nothing of the record is left behind, and no further one is taken.
        """
        head = self._head("call", request, latency, completion) | ({"batch": True} if is_batch else {})
        reply = orjson.dumps(completion.text)
        offset = self._write(orjson.dumps(head)[:-1] + b',"reply":' + reply + b',"request":' + request.body)
        self._table.add(int(request.key[:16], 16), offset)
        self.totals[request.role].add(head, len(request.body), len(reply))

    def append_failure(
        self, request: CompletionRequest, error: str, spent: Completion = NOTHING, *, intent: str = ""
    ) -> None:
        """Record a request that brought no reply, for the budget and the statistics; its key stays open.

        Args:
            request: what was asked.
            error: what happened.
            spent: the usage of an empty reply.
            intent: of the batch that it went in.
        """
        head = self._head("failure", request, 0.0, spent) | ({"batch": True, "intent": intent} if intent else {})
        self._write(orjson.dumps(head)[:-1] + b',"error":' + orjson.dumps(error))
        self.totals[request.role].add(head)
        self._note_failure(head)

    def knows_failure(self, key: str, intent: str) -> bool:
        """Whether it is recorded that a request brought no reply in this batch, which is not over."""
        return key in self._failed.get(intent, ())

    def append_throttle(self, change: ThrottleChange) -> None:
        """Record how many calls are in flight from now on; not kept in memory, for a long night has many of them."""
        self._write(orjson.dumps({"kind": "throttle", **change.model_dump()})[:-1])

    def append_batch(self, record: BatchRecord) -> None:
        """Record what became of a batch, and have it on the disk when this returns."""
        self._write(orjson.dumps({"kind": "batch", **record.model_dump()})[:-1])
        self._note_batch(record)
        self.sync()

    def append_progress(self, progress: Progress) -> None:
        """Record how far the run is."""
        self._write(orjson.dumps({"kind": "progress", **progress.model_dump()})[:-1])

    def sync(self) -> None:
        """Make everything written so far durable.

        Raises:
            StorageError: the disk refused, now or at an earlier sync.
        """
        if self._broken:
            raise self._broken
        if self._is_dirty:
            self._is_dirty = False
            self._sync_apart()
            if self._broken:
                raise self._broken

    @staticmethod
    def _head(kind: str, request: CompletionRequest, latency: float, completion: Completion) -> dict[str, Any]:
        return {
            "kind": kind,
            "key": request.key,
            "seed_id": request.seed_id,
            "generation": request.generation,
            "role": request.role,
            "ask": request.ask,
            "latency": round(latency, 4),
            "time": round(time.time(), 3),
            "finish_reason": completion.finish_reason,
            "input_tokens": completion.input_tokens,
            "output_tokens": completion.output_tokens,
        }

    def _write(self, content: bytes) -> int:
        """Append a line, given without its checksum and closing brace; where it begins."""
        if self._broken:
            raise self._broken
        line = content + b',"crc":"%08x"}\n' % zlib.crc32(content)
        try:
            written = os.write(self._handle, line)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - a short write is what a full disk does
        except OSError as error:
            # a later record must not follow half a line
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self._end)
            self._broken = StorageError(f"{self._path}: cannot write: {error.strerror}")
            raise self._broken from None
        offset = self._end
        self._end += len(line)
        self._is_dirty = True
        if not self._is_scheduled:
            self._is_scheduled = True
            with contextlib.suppress(RuntimeError):  # no event loop: the closing fsync must do
                self._syncing = asyncio.get_running_loop().create_task(self._sync_later())
        return offset

    async def _sync_later(self) -> None:
        await asyncio.sleep(SYNC_INTERVAL)
        self._is_scheduled = self._is_dirty = False
        await asyncio.to_thread(self._sync_apart)

    def _sync_apart(self) -> None:
        """Fsync in a thread; a failure is remembered here, for the task that waits for it may be cancelled."""
        try:
            os.fsync(self._handle)
        except OSError as error:
            self._broken = StorageError(f"{self._path}: cannot sync: {error.strerror}")

    def _close(self) -> None:
        try:
            if not self._broken:
                self.sync()
        finally:
            os.close(self._handle)

    def _read_record(self, offset: int) -> dict[str, Any]:
        line = os.pread(self._handle, _READ_GUESS, offset)
        while b"\n" not in line:
            more = os.pread(self._handle, max(len(line), _READ_GUESS), offset + len(line))
            if not more:
                raise ValueError  # cut off
            line += more
        # the request is not needed, and often the longest part
        record: dict[str, Any] = orjson.loads(line[: line.index(b',"request":')] + b"}")
        return record

    def _scan(self) -> None:
        """Read all lines once: totals, offsets, and the end of the last whole line."""
        number, position, rest = 0, 0, b""
        last_bad: int | None = None
        with translate_storage_errors(self._path, "read"):
            while block := os.pread(self._handle, _BLOCK, position):
                position += len(block)
                lines = (rest + block).split(b"\n")
                rest = lines.pop()
                for line in lines:
                    number += 1
                    if last_bad is not None:
                        raise describe_damage(self._path, last_bad)
                    if self._take_line(line):
                        self._end += len(line) + 1
                    else:
                        last_bad = number
        if last_bad is not None and rest:
            raise describe_damage(self._path, last_bad)

    def _take_line(self, line: bytes) -> bool:
        """Count one whole line; whether it was good."""
        if self._only is not None and self._only not in line[: _HEAD_START + len(self._only)]:
            return True
        if (content := take_checked(line)) is None:
            return False
        try:
            self._take_content(content)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):  # whole, but no record of ours
            return False
        return True

    def _take_content(self, content: bytes) -> None:
        """Count one line whose checksum holds."""
        if content.startswith(b'{"kind":"call"'):
            cut = content.find(b',"reply":')
            head = orjson.loads(content[:cut] + b"}")
            self._table.add(int(head["key"][:16], 16), self._end)
            if UNKNOWN_TOKENS in (head["input_tokens"], head["output_tokens"]):  # only then their sizes matter
                end = content.find(b',"request":')
                self._count(head, len(content) - end - len(b',"request":'), end - cut - len(b',"reply":'))
            else:
                self._count(head)
        elif content.startswith(b'{"kind":"throttle"'):
            self.throttle_changes.append(parse_record(ThrottleChange, content))
        elif content.startswith(b'{"kind":"batch"'):
            self._note_batch(parse_record(BatchRecord, content))
        elif not content.startswith(b'{"kind":"progress"'):
            head = orjson.loads(content[: content.find(b',"error":')] + b"}")
            self._count(head)
            self._note_failure(head)

    def _note_batch(self, record: BatchRecord) -> None:
        self.batches[record.intent] = record
        if not record.is_open:
            self._failed.pop(record.intent, None)

    def _note_failure(self, head: dict[str, Any]) -> None:
        if "intent" in head:
            self._failed.setdefault(head["intent"], set()).add(head["key"])

    def _count(self, head: dict[str, Any], request_bytes: int = 0, reply_bytes: int = 0) -> None:
        self.totals[head["role"]].add(head, request_bytes, reply_bytes)
        if self._see is not None:
            self._see(head)

    def _repair(self, size: int, notify: Callable[[str], None]) -> None:
        with translate_storage_errors(self._path):
            torn = os.pread(self._handle, size - self._end, self._end)
            if self._take_line(torn):  # only the line feed is missing
                os.write(self._handle, b"\n")
                self._end = size + 1
                return
            os.ftruncate(self._handle, self._end)
            os.fsync(self._handle)
        notify(f"{self._path}: the last line was torn ({size - self._end} bytes, an unfinished write); it was cut off")
