"""What a journal asks of the disk: when records are synced, and what a disk that refuses leaves behind."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evol.errors import FolderError, StorageError
from evol.journal import JOURNAL_NAME, SYNC_INTERVAL, Journal
from evol.records import BatchRecord, Completion, CompletionRequest, Progress, ThrottleChange
from virtual_time import VirtualLoop, run_virtually

PROGRESS = Progress(
    time=1.0, seeds=1, finished=0, generations=[], calls=1, requests=1, input_tokens=1, output_tokens=1, cost=None
)
BATCH = BatchRecord(intent="one", state="intent", label="m at h", requests=1, sha256="0", time=1.0)
CHANGE = ThrottleChange(time=1.0, label="m at h", limit=4, pace=None, in_flight=3, reason="start")


def ask(number: int) -> CompletionRequest:
    """One of many requests."""
    return CompletionRequest(f"seed {number}", 1, "evolver", 1, b"{}")


def append(journal: Journal, *numbers: int) -> None:
    """Record calls."""
    for number in numbers:
        journal.append(ask(number), Completion(f"reply {number}"), latency=0.0)


def read_numbers(folder: Path, numbers: range) -> list[int]:
    """Which calls stand in a closed journal, opened for a run without a notice."""
    notices: list[str] = []
    with Journal.open_for_run(folder, notices.append) as journal:
        found = [number for number in numbers if journal.find(ask(number)) == Completion(f"reply {number}")]
    assert notices == []
    return found


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the file at each fsync so far."""
    sizes: list[int] = []
    fsync = os.fsync

    def note(handle: int) -> None:
        fsync(handle)
        sizes.append(os.fstat(handle).st_size)

    monkeypatch.setattr(os, "fsync", note)
    return sizes


def refuse(monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> list[int]:
    """Let an operation of the disk fail from now on; gets an entry for each attempt."""
    attempts: list[int] = []

    def fail(handle: int, *rest: object) -> int:
        attempts.append(handle)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, name, fail)
    return attempts


def wait_for_thread(is_done: Callable[[], bool]) -> None:
    """Let the thread that syncs come to its end."""
    for _ in range(2000):
        if is_done():
            return
        time.sleep(0.001)
    raise AssertionError("the fsync never came")


def test_records_of_one_window_share_an_fsync(tmp_path: Path, synced: list[int]) -> None:
    """It comes by itself when the window ends, for all its records, and again for the next; closing adds none."""
    path = tmp_path / JOURNAL_NAME

    async def write(_: VirtualLoop) -> None:
        with Journal.open_for_run(tmp_path, print) as journal:
            for window in (1, 2):
                append(journal, *range(window * 10, window * 10 + 5))
                await asyncio.sleep(SYNC_INTERVAL * 0.9)
                assert len(synced) == window - 1
                await asyncio.sleep(SYNC_INTERVAL / 4)
                wait_for_thread(lambda window=window: len(synced) == window)  # type: ignore[misc]
                assert synced[-1] == path.stat().st_size
            await asyncio.sleep(5 * SYNC_INTERVAL)
        assert len(synced) == 2

    run_virtually(write)


def test_closing_syncs_what_is_not_synced(tmp_path: Path, synced: list[int]) -> None:
    """One fsync ends a journal that was written to, or may hold what a killed run wrote; none an empty one."""
    with Journal.open_for_run(tmp_path, print):
        pass
    assert synced == []
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1, 2)
        assert synced == []
    size = (tmp_path / JOURNAL_NAME).stat().st_size
    assert synced == [size]
    with Journal.open_for_run(tmp_path, print) as journal:
        journal.sync()
        journal.sync()  # nothing was written since
        assert synced == [size, size]
        append(journal, 3)
        journal.sync()
        assert len(synced) == 3
    assert len(synced) == 3
    with Journal.open_for_reading(tmp_path):
        pass
    assert len(synced) == 3


def test_a_batch_is_on_the_disk_before_it_is_sent(tmp_path: Path, synced: list[int]) -> None:
    """The record of a batch is synced when it was appended, not a window later."""
    with Journal.open_for_run(tmp_path, print) as journal:
        journal.append_batch(BATCH)
        assert synced == [(tmp_path / JOURNAL_NAME).stat().st_size]


def test_a_torn_line_is_cut_for_good(tmp_path: Path, synced: list[int]) -> None:
    """The cut is synced, so that no power loss brings the half line back behind new records."""
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1)
    path = tmp_path / JOURNAL_NAME
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b'{"kind":"call"')
    del synced[:]
    with Journal.open_for_run(tmp_path, lambda text: None):
        assert synced == [size]


APPENDINGS: dict[str, Callable[[Journal], None]] = {
    "call": lambda journal: append(journal, 2),
    "failure": lambda journal: journal.append_failure(ask(2), "gave up"),
    "throttle": lambda journal: journal.append_throttle(CHANGE),
    "progress": lambda journal: journal.append_progress(PROGRESS),
    "batch": lambda journal: journal.append_batch(BATCH),
}


@pytest.mark.parametrize("kind", APPENDINGS)
def test_a_refused_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """The command ends with file and reason; the record is nowhere, and no later one is taken though there is room."""
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1)
        counted = (journal.calls, journal.attempts, journal.open_batches)
        with monkeypatch.context() as patched:
            refuse(patched, "write", errno.EDQUOT)
            with pytest.raises(StorageError) as raised:
                APPENDINGS[kind](journal)
        said = f"{tmp_path / JOURNAL_NAME}: cannot write: {os.strerror(errno.EDQUOT)}: free some space"
        assert str(raised.value).startswith(said)
        with pytest.raises(StorageError, match=re.escape(said)):
            append(journal, 3)
        with pytest.raises(StorageError, match=re.escape(said)):
            journal.sync()
        assert (journal.calls, journal.attempts, journal.open_batches) == counted
        assert journal.find(ask(1)) == Completion("reply 1")
    assert read_numbers(tmp_path, range(5)) == [1]


def test_half_a_record_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full in the middle of a record keeps the whole ones and not the half."""
    write = os.write
    path = tmp_path / JOURNAL_NAME
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1, 2)
        before = path.read_bytes()
        monkeypatch.setattr(os, "write", lambda handle, content: write(handle, content[: len(content) // 2]))
        with pytest.raises(StorageError, match=r"cannot write: No space left on device: free some space"):
            append(journal, 3)
        monkeypatch.undo()
        assert path.read_bytes() == before
    assert read_numbers(tmp_path, range(5)) == [1, 2]


def test_half_a_record_that_stays_is_a_torn_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the half cannot be cut off either, the reason of the write is told, and the next run cuts."""
    write = os.write
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1)
        monkeypatch.setattr(os, "write", lambda handle, content: write(handle, content[:40]))
        refuse(monkeypatch, "ftruncate", errno.EIO)
        with pytest.raises(StorageError, match="cannot write: No space left on device"):
            append(journal, 2)
        monkeypatch.undo()
    notices: list[str] = []
    with Journal.open_for_run(tmp_path, notices.append) as journal:
        assert (journal.calls, journal.find(ask(2))) == (1, None)
    assert len(notices) == 1
    assert "(40 bytes, an unfinished write)" in notices[0]


def test_a_refused_fsync_ends_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by whoever asked for it and by all that is asked later; the disk is not asked again."""
    said = re.escape(f"{tmp_path / JOURNAL_NAME}: cannot sync: {os.strerror(errno.EIO)}: free some space")
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1)
        attempts = refuse(monkeypatch, "fsync", errno.EIO)
        for act in (journal.sync, journal.sync, lambda: append(journal, 2), lambda: journal.append_batch(BATCH)):
            with pytest.raises(StorageError, match=said):
                act()
    assert len(attempts) == 1
    monkeypatch.undo()
    assert read_numbers(tmp_path, range(3)) == [1]


def test_a_refused_fsync_is_told_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever closes a journal whose last records did not reach the disk is told; its file is closed all the same."""
    attempts = refuse(monkeypatch, "fsync", errno.EIO)
    with (
        pytest.raises(StorageError, match=r"cannot sync: Input/output error"),
        Journal.open_for_run(tmp_path, print) as journal,
    ):
        append(journal, 1)
    assert len(attempts) == 1
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(attempts[0])


def test_an_fsync_refused_in_the_background_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record after the window whose fsync failed is refused, with the reason."""
    attempts = refuse(monkeypatch, "fsync", errno.EIO)

    async def write(_: VirtualLoop) -> None:
        with Journal.open_for_run(tmp_path, print) as journal:
            append(journal, 1)
            await asyncio.sleep(2 * SYNC_INTERVAL)
            wait_for_thread(lambda: bool(attempts))
            await asyncio.sleep(SYNC_INTERVAL)
            with pytest.raises(StorageError, match=r"cannot sync: Input/output error"):
                append(journal, 2)

    run_virtually(write)
    assert len(attempts) == 1


def test_a_new_journal_is_readable_by_others(tmp_path: Path) -> None:
    """Who may enter the folder may read the file, as far as the umask admits, and its owner alone may write."""
    before = os.umask(0)
    try:
        with Journal.open_for_run(tmp_path, print):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / JOURNAL_NAME).stat().st_mode) == 0o644


def test_a_journal_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error names the file and the reason of the disk."""
    said = re.escape(f"{tmp_path / 'gone' / JOURNAL_NAME}: cannot write: No such file or directory")
    with pytest.raises(StorageError, match=said), Journal.open_for_run(tmp_path / "gone", print):
        pass


@pytest.mark.parametrize("opening", [Journal.open_for_run, Journal.open_for_reading])
def test_a_closed_journal_holds_no_file(tmp_path: Path, opening: Callable[..., Any]) -> None:
    """Neither a run nor a reader leaves a handle behind, also not where the file is refused as damaged."""
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1, 2)
    path = tmp_path / JOURNAL_NAME
    held = set(Path("/dev/fd").iterdir())
    with opening(tmp_path, print):
        pass
    path.write_bytes(b"#" + path.read_bytes())
    with pytest.raises(FolderError, match="damaged"), opening(tmp_path, print):
        pass
    assert set(Path("/dev/fd").iterdir()) <= held


def test_a_refused_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that gives back no bytes ends the command with the file and the reason, whoever reads."""
    said = re.escape(f"{tmp_path / JOURNAL_NAME}: cannot read: {os.strerror(errno.EIO)}: ")
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1)
        refuse(monkeypatch, "pread", errno.EIO)
        for act in (lambda: journal.find(ask(1)), lambda: journal.knows(ask(1).key)):
            with pytest.raises(StorageError, match=said):
                act()
    for opening in (Journal.open_for_run(tmp_path, print), Journal.open_for_reading(tmp_path)):
        with pytest.raises(StorageError, match=said), opening:
            pass


@pytest.mark.parametrize("name", ["ftruncate", "fsync"])
def test_a_torn_line_that_cannot_be_cut_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A run does not begin behind half a line: the error names file and reason, and no notice says it is cut."""
    with Journal.open_for_run(tmp_path, print) as journal:
        append(journal, 1)
    path = tmp_path / JOURNAL_NAME
    path.write_bytes(path.read_bytes() + b"{")
    notices: list[str] = []
    refuse(monkeypatch, name, errno.EROFS)
    said = re.escape(f"{path}: cannot write: {os.strerror(errno.EROFS)}: ")
    with pytest.raises(StorageError, match=said), Journal.open_for_run(tmp_path, notices.append):
        pass
    assert notices == []
