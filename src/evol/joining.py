"""Journals and seeds of many shards as those of one run, streamed: one record of each shard is held at a time.

Records keep their bytes; they are ordered by the time they were written at, so that the joined journal reads as one
run's. A torn last line, which a killed run leaves, is left out with a notice; the shard itself is never touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from evol.errors import FolderError
from evol.files import open_atomically, open_plain, translate_storage_errors
from evol.folder import SEEDS_NAME
from evol.journal import JOURNAL_NAME, describe_damage, take_checked
from evol.records import Manifest, Shard
from evol.shards import unpack_positions

_BUFFER = 1 << 18
_HEAD = 4096  # the figures of a record stand before its texts


def join_journals(folders: Sequence[Path], target: Path, notice: Callable[[str], None]) -> list[int]:
    """Write the records of all journals into `target`'s, durably.

    Args:
        folders: of the shards.
        target: a folder without a journal.
        notice: is told of a torn last line.

    Returns:
        How many bytes each journal gave.

    Raises:
        FolderError: a journal is missing, or a line that is not its last is damaged; names file and line.
        StorageError: the disk refused.
    """
    taken = [0] * len(folders)
    path = target / JOURNAL_NAME
    with contextlib.ExitStack() as stack:
        readers = [_read_records(stack, folder / JOURNAL_NAME, n, notice) for n, folder in enumerate(folders)]
        with translate_storage_errors(path), path.open("wb", buffering=_BUFFER) as file:
            for _, number, line in heapq.merge(*readers, key=lambda record: record[0]):
                file.write(line)
                taken[number] += len(line)
            file.flush()
            os.fsync(file.fileno())
    return taken


def _read_records(
    stack: contextlib.ExitStack, path: Path, number: int, notice: Callable[[str], None]
) -> Iterator[tuple[float, int, bytes]]:
    """Yield (time, number, line with its line feed)."""
    try:
        file = stack.enter_context(open_plain(path, _BUFFER))
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}", "restore it from a copy; what is paid stands there") from None
    time, bad = 0.0, 0
    for place, line in enumerate(file, 1):
        if bad:
            raise describe_damage(path, bad)
        line = line.removesuffix(b"\n")
        if take_checked(line) is None:
            bad = place
        elif not line.startswith(b'{"kind":"progress"'):  # how far one shard was says nothing about all of them
            try:
                time = _find_time(line, time)
            except ValueError:
                raise describe_damage(path, place) from None
            yield time, number, line + b"\n"
    if bad:
        notice(f"{path}: the last line is torn (an unfinished write) and left out")


def _find_time(line: bytes, before: float) -> float:
    """When a record was written; a kind that does not say follows the one before it.

    Raises:
        ValueError: what it says is no time.
    """
    start = line.find(b',"time":', 0, _HEAD)  # quotes inside strings are escaped, so only the head can hold these bytes
    if start < 0:
        return before
    start += len(b',"time":')
    time = float(line[start : start + 24].partition(b",")[0].rstrip(b"}"))
    if not math.isfinite(time):
        raise ValueError("no time")
    return time


def find_journal_start(folder: Path) -> str:
    """Digest over the first line of a journal, "" where there is none: what stays while it grows."""
    try:
        with open_plain(folder / JOURNAL_NAME) as file:
            line = file.readline()
    except OSError:
        return ""
    return hashlib.sha256(line).hexdigest() if line.endswith(b"\n") else ""


def join_seeds(shards: Sequence[tuple[Path, Manifest, Shard]], target: Path) -> str:
    """Write all seeds in the order of the whole list into `target`; the digest of the list.

    Raises:
        FolderError: a shard's seeds are not what its manifest says.
        StorageError: the disk refused.
    """
    with contextlib.ExitStack() as stack:
        readers = [_read_seeds(stack, *shard) for shard in shards]
        writer = stack.enter_context(open_atomically(target / SEEDS_NAME))
        for _, line in heapq.merge(*readers, key=lambda placed: placed[0]):
            writer.write_line(line)
    return writer.sha256


def _read_seeds(
    stack: contextlib.ExitStack, folder: Path, manifest: Manifest, shard: Shard
) -> Iterator[tuple[int, bytes]]:
    path = folder / SEEDS_NAME
    try:
        file = stack.enter_context(open_plain(path, _BUFFER))
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}", "run the same `evol run` again to restore it") from None
    digest = hashlib.sha256()
    for position in unpack_positions(shard.positions):
        line = file.readline()
        digest.update(line)
        yield position, line.removesuffix(b"\n")
    if file.read(1) or digest.hexdigest() != manifest.seeds.sha256:
        raise FolderError(f"{path}: not what `evol run` wrote", "run the same `evol run` again to restore it")
