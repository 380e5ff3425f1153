"""The requests of batches that are out: a file for each in the folder `batches` beside the journal.

The file is written before its intent is journaled and removed after its results are, so that whatever happens in
between the requests are known. It appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from evol.batchfiles import MOST_LINE_BYTES, Result, format_call, parse_call, parse_result, to_request_line
from evol.errors import FolderError
from evol.files import digest_file, open_atomically, open_plain, sync_folder, translate_storage_errors
from evol.journal import JOURNAL_NAME
from evol.records import BatchRecord, CompletionRequest, Role

FOLDER_NAME = "batches"


def find_store(journal: Path) -> Path:
    """The folder of a journal's batches, which may not exist."""
    if journal.name == JOURNAL_NAME:
        return journal.parent / FOLDER_NAME
    return journal.with_name(f"{journal.name.removesuffix('.jsonl')}.{FOLDER_NAME}")


class BatchStore:
    """The files of one journal's batches.

    Args:
        journal: path of the journal.
    """

    def __init__(self, journal: Path) -> None:
        self._folder = find_store(journal)

    def write(self, intent: str, requests: Iterable[CompletionRequest]) -> str:
        """Store the requests of a batch; the digest of the file.

        Raises:
            StorageError: the disk refused.
        """
        with translate_storage_errors(self._folder):
            if not self._folder.exists():
                self._folder.mkdir()
                sync_folder(self._folder.parent)
        with open_atomically(self.calls_path(intent)) as writer:
            for request in requests:
                writer.write_line(format_call(request))
        return writer.sha256

    def find_role(self, intent: str) -> Role | None:
        """Whose requests a batch holds, told by the first of them; None where its file is gone.

        Raises:
            FolderError: the file is damaged.
        """
        if not self.calls_path(intent).exists():
            return None
        return next((request.role for request in self.read(intent)), None)

    def is_there(self, record: BatchRecord) -> bool:
        """Whether the file of a batch stands where it was written.

        Raises:
            FolderError: it does, but is not what was written.
        """
        path = self.calls_path(record.intent)
        try:
            digest = digest_file(path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}", "fix its permissions") from None
        if digest != record.sha256:
            raise FolderError(
                f"{path}: not what was written, and a batch that is paid for needs it", "restore it from a copy"
            )
        return True

    def read(self, intent: str) -> Iterator[CompletionRequest]:
        """Yield the requests of a batch.

        Raises:
            FolderError: the file is damaged.
        """
        path = self.calls_path(intent)
        try:
            with open_plain(path) as file:
                for number, line in enumerate(file, 1):
                    try:
                        yield parse_call(line)
                    except ValueError as error:
                        raise FolderError(f"{path}:{number}: {error}", "restore the file from a copy") from None
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}", "restore the file from a copy") from None

    @contextlib.contextmanager
    def make_upload(self, intent: str) -> Iterator[Path]:
        """The batch file as a server takes it; it is gone after the block.

        Raises:
            FolderError: the stored file is missing.
            StorageError: the disk refused.
        """
        path = self._folder / f".{intent}.upload.tmp"
        try:
            with (
                open_plain(self.calls_path(intent)) as calls,
                translate_storage_errors(path),
                path.open("wb") as upload,
            ):
                upload.writelines(to_request_line(line) for line in calls)
            yield path
        except FileNotFoundError as error:
            raise FolderError(f"{error.filename}: {error.strerror}", "restore it from a copy") from None
        finally:
            with contextlib.suppress(OSError):
                path.unlink()

    def result_paths(self, intent: str) -> tuple[Path, Path]:
        """Where the results of a batch are stored while they are read: those that were answered, the others."""
        return self._folder / f"{intent}.output.jsonl", self._folder / f"{intent}.errors.jsonl"

    def remove(self, intent: str) -> None:
        """Forget the files of a batch."""
        self.remove_results(intent)
        with contextlib.suppress(OSError):
            self.calls_path(intent).unlink()
        with contextlib.suppress(OSError):
            self._folder.rmdir()  # only when it is empty

    def remove_results(self, intent: str) -> None:
        """Forget what was fetched of a batch; it can be fetched again."""
        for path in self.result_paths(intent):
            with contextlib.suppress(OSError):
                path.unlink()

    def remove_others(self, intents: set[str]) -> None:
        """Forget the files of all batches but these: what a killed process left behind before it sent anything."""
        for path in self._folder.glob("*.jsonl") if self._folder.is_dir() else ():
            if path.name.partition(".")[0] not in intents:
                with contextlib.suppress(OSError):
                    path.unlink()
        for path in self._folder.glob(".*.tmp"):
            with contextlib.suppress(OSError):
                path.unlink()
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def calls_path(self, intent: str) -> Path:
        """The file of a batch's requests."""
        return self._folder / f"{intent}.jsonl"


class ResultIndex:
    """Where in the files of results each request's line stands.

    Args:
        paths: of the results that were answered and of the others; one that does not exist is empty.
        keys: of the batch's requests.

    Attributes:
        answered: requests whose result stands in the first file.
        is_useless: there are lines, and none is a result of these requests.
    """

    def __init__(self, paths: Sequence[Path], keys: set[str]) -> None:
        self._paths = paths
        self._places: dict[str, tuple[int, int, int]] = {}
        self._odd: Counter[str] = Counter()
        for which, path in enumerate(paths):
            if path.exists():
                with open_plain(path) as file:
                    for begin, line in _list_lines(file):
                        self._take(which, begin, line, keys)
        self.answered = sum(which == 0 for which, _, _ in self._places.values())
        self.is_useless = bool(self._odd) and not self._places

    def _take(self, which: int, begin: int, line: bytes, keys: set[str]) -> None:
        try:
            key = parse_result(line).custom_id
        except ValueError as error:
            self._odd[f"a line that is no result ({error})"] += 1
            return
        if key not in keys:
            self._odd["a result that nobody asked for"] += 1
        elif key in self._places:
            self._odd["a second result of one request"] += 1
        else:
            self._places[key] = (which, begin, len(line))

    def list_oddities(self) -> Iterator[str]:
        """Yield what stands in the files and is no result of these requests."""
        for what, count in self._odd.items():
            yield f"{what}, {count} times"

    def read(self, key: str) -> Result | None:
        """The result of a request, None where there is none."""
        if (place := self._places.get(key)) is None:
            return None
        which, begin, length = place
        handle = os.open(self._paths[which], os.O_RDONLY)
        try:
            return parse_result(os.pread(handle, length, begin))
        finally:
            os.close(handle)


def _list_lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield where each line begins, and the line; of one that is too long for a result its beginning, which is none."""
    begin = 0
    while line := file.readline(MOST_LINE_BYTES):
        length = len(line)
        while not line.endswith(b"\n") and (more := file.readline(MOST_LINE_BYTES)):
            length += len(more)
            line = line[:1] + more[-1:]
        if line.strip():
            yield begin, line
        begin += length
