"""The last record of a kind, read from a journal's end: quick however large the file is, and while a run appends."""

from __future__ import annotations

import os
from pathlib import Path

from evol.files import open_handle
from evol.journal import JOURNAL_NAME, parse_record, take_checked
from evol.records import Progress

_BLOCK = 1 << 20
_MOST = 1 << 28  # bytes that are looked through


def read_last_progress(folder: Path) -> Progress | None:
    """How far a run said last that it was; None where it did not, or the journal cannot be read."""
    try:
        handle = open_handle(folder / JOURNAL_NAME)
    except OSError:
        return None
    try:
        return _search(handle, os.fstat(handle).st_size)
    except (OSError, ValueError):
        return None
    finally:
        os.close(handle)


def _search(handle: int, size: int) -> Progress | None:
    end, rest = size, b""
    while end > max(0, size - _MOST):
        begin = max(0, end - _BLOCK)
        lines = (os.pread(handle, end - begin, begin) + rest).split(b"\n")
        rest = lines.pop(0)  # may have begun in the block before
        for line in reversed(lines if begin else [rest, *lines]):
            if line.startswith(b'{"kind":"progress"') and (content := take_checked(line)) is not None:
                return parse_record(Progress, content)
        end = begin
    return None
