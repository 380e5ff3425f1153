"""Files: JSONL in with line-numbered errors, whole-or-absent writing, the folder lock, the bundled data.

Whole or absent: `write_atomically` writes a temporary file in the same folder, fsyncs it, renames it over the target
and fsyncs the folder; after a crash at any step the target is either the old or the new file. Leftovers of a killed
process are named `.<name>.<random>.tmp`. Whoever writes one holds it locked, so the next writer of the same target
tells a leftover from a file at work and removes it (`remove_abandoned`); `remove_leftovers` clears a whole run folder,
and only the holder of the folder lock may call it. Locks are advisory `flock`s: they vanish with their process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

import jsonlines
import orjson

from evol.errors import EvolError, FolderInUse, StorageError

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A longer line is refused: it is no instruction, and reading it whole could exhaust memory."""

_LOCK_NAME = ".lock"
_LEFTOVER = re.compile(
    r"\.(?:manifest\.json|\.seeds\.jsonl|eliminated\.jsonl|generation-\d+\.jsonl|mix(?:\.[a-z]+){1,3}|dataset_info\.json"
    r"|scores(?:\.meta\.json|\.jsonl))"
    r"\.[a-z0-9_]{8}\.tmp"
)


def load_strictly(text: str | bytes) -> Any:
    """Parse JSON that a stranger wrote: duplicate keys, NaN and Infinity, and bottomless nesting are refused.

    Raises:
        ValueError: with a short reason.
    """

    def refuse_constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            counts = Counter(key for key, _ in pairs)
            raise ValueError(f"the key {next(key for key, count in counts.items() if count > 1)!r} stands twice")
        return found

    try:
        return json.loads(text, parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def check_characters(text: str, key: str, where: str, error: type[EvolError]) -> str:
    """The text, if it can be written and sent: no NUL character, no lone surrogate.

    Args:
        text: as it was read.
        key: what holds it, for the message.
        where: file and line.
        error: raised where it cannot.
    """
    if "\0" in text:
        raise error(f"{where}: a NUL character in {key}", "remove it")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise error(f"{where}: a lone surrogate in {key}", "write the whole character") from None
    return text


def read_lines(path: Path, error: type[EvolError], *, is_ours: bool = False) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line without its end) of a UTF-8 file; a BOM and CRLF are accepted.

    Args:
        path: the file.
        error: the class to raise.
        is_ours: it must be a regular file; a stranger's may be a pipe.

    Raises:
        error: the given class: missing or unreadable file, bytes that are no UTF-8, NUL, a line over MAX_LINE_BYTES.
    """
    try:
        with open_plain(path) if is_ours else path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if len(line) > MAX_LINE_BYTES:
                    raise error(
                        f"{path}:{number}: the line is longer than {MAX_LINE_BYTES:,} bytes", "split or drop it"
                    )
                if b"\0" in line:
                    raise error(f"{path}:{number}: a NUL byte", "this is no text file; convert it to UTF-8")
                try:
                    text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as fault:
                    raise error(
                        f"{path}:{number}: not UTF-8 at byte {fault.start + 1} of the line", "convert the file to UTF-8"
                    ) from None
                yield number, text.rstrip("\r\n")
    except FileNotFoundError:
        raise error(f"{path}: no such file", "check the path") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL in the name
        why = fault.strerror if isinstance(fault, OSError) else fault
        raise error(f"{path}: {why}", "check the path") from None


def read_jsonl(path: Path, error: type[EvolError], loads: Callable[[str], Any]) -> Iterator[tuple[int, Any]]:
    """Yield (line number from 1, value) of a JSONL file, blank lines skipped.

    Args:
        path: the file.
        error: the class to raise.
        loads: the JSON parser: `load_strictly` for strangers' files, `orjson.loads` for our own.
    """
    for number, line in read_lines(path, error):
        if not line.strip():
            continue
        try:
            yield number, jsonlines.Reader([line], loads=loads).read(allow_none=True)  # type: ignore[arg-type]
        except jsonlines.InvalidLineError as fault:
            why = str(fault.__cause__ or fault).removesuffix(".")
            raise error(f"{path}:{number}: not valid JSON ({why})", "mend or remove the line") from None


def open_handle(path: Path, flags: int = os.O_RDONLY) -> int:
    """Open a file of our own, which is a regular one: a FIFO or a device in its place could hold us up for ever.

    Raises:
        OSError: it cannot be opened, or is none.
    """
    handle = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, 0o644)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "not a regular file", str(path))


def open_plain(path: Path, buffering: int = io.DEFAULT_BUFFER_SIZE) -> io.BufferedReader:
    """As `open_handle`, to read from.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    return io.BufferedReader(io.FileIO(open_handle(path)), buffering)


def read_plain(path: Path, most: int = -1) -> bytes:
    """The content of a file of our own.

    Args:
        path: the file.
        most: bytes that are read at most, -1 for all.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    with open_plain(path) as file:
        return file.read(most)


def digest_file(path: Path) -> str:
    """The sha256 of a file, 64 hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class JsonlWriter:
    """Writes rows as JSON lines and keeps their count and digest; made by `open_atomically`.

    Args:
        file: a binary file, positioned at its start.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.rows = 0

    @property
    def sha256(self) -> str:
        """Digest of everything written so far."""
        return self._digest.hexdigest()

    def write(self, row: Any) -> None:
        """Append one JSON-serialisable value as a line."""
        self.write_line(orjson.dumps(row))

    def write_line(self, line: bytes) -> None:
        """Append one line that is serialised already."""
        self.write_block(line + b"\n")
        self.rows += 1

    def write_block(self, content: bytes) -> None:
        """Append bytes as they are."""
        self._digest.update(content)
        self._file.write(content)


@contextlib.contextmanager
def open_atomically(path: Path) -> Iterator[JsonlWriter]:
    """Open `path` for writing so that it appears whole at the end of the block, or not at all.

    Raises:
        StorageError: the disk refused; the old file, if any, still stands.
    """
    with translate_storage_errors(path):
        remove_abandoned(path.parent, path.name)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb", buffering=1 << 18) as file:
                mark_in_use(handle)
                os.fchmod(file.fileno(), 0o644 & ~_umask())
                yield JsonlWriter(file)
                file.flush()
                os.fsync(file.fileno())
                os.replace(name, path)  # noqa: PTH105 - name is a str
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)  # noqa: PTH108 - name is a str
            raise
        sync_folder(path.parent)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file by `content`, whole or not at all.

    Raises:
        StorageError: the disk refused; the old file, if any, still stands.
    """
    with open_atomically(path) as writer:
        writer.write_line(content.removesuffix(b"\n"))


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mark_in_use(handle: int) -> None:
    """Lock a temporary file or folder for as long as its handle is open, so that nobody takes it for a leftover."""
    with contextlib.suppress(OSError):  # some network file systems have no locks; they keep their leftovers
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Wait until no other process holds a folder in this way, then hold it."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def remove_abandoned(folder: Path, name: str) -> None:
    """Remove the temporary files and folders of `name` whose writer is gone."""
    for path in folder.glob(f".{glob.escape(name)}.????????.tmp"):
        with contextlib.suppress(OSError):
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
            finally:
                os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove temporary files of a killed process; the caller holds the folder lock."""
    for path in folder.glob(".*.tmp"):
        if _LEFTOVER.fullmatch(path.name):
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def translate_storage_errors(path: Path, what: str = "write") -> Iterator[None]:
    """Turn an `OSError` of the block into a `StorageError` that names `path`, and what could not be done with it."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot {what}: {error.strerror or error}") from None


def lock_folder(folder: Path, held: Path | None = None) -> contextlib.AbstractContextManager[None]:
    """Hold a run folder for this process alone; see `lock_file`."""
    return lock_file(folder / _LOCK_NAME, held or folder)


@contextlib.contextmanager
def share_folder(folder: Path) -> Iterator[None]:
    """Keep runs out of a folder while it is read; any number of readers may. Writes nothing.

    Raises:
        FolderInUse: a run holds it.
    """
    try:
        handle = open_handle(folder / _LOCK_NAME, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:  # a folder that no run ever held, such as a copy
        yield
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            raise FolderInUse(f"{folder}: in use by another evol process", "wait until it ends") from None
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def lock_file(path: Path, held: Path) -> Iterator[None]:
    """Hold something for this process alone.

    Args:
        path: the lock file, made if missing.
        held: what it stands for, for the message.

    Raises:
        FolderInUse: another process holds it.
        StorageError: the lock file cannot be made.
    """
    with translate_storage_errors(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    try:
        for tries_left in (2, 1, 0):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if not tries_left:
                    raise FolderInUse(f"{held}: in use by another evol process") from None
                time.sleep(0.1)  # `is_locked` of a reader may hold it for an instant
        yield
    finally:
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """Whether another process holds a run folder; asks without holding it."""
    try:
        handle = open_handle(folder / _LOCK_NAME, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def remove_lock(folder: Path) -> None:
    """Remove the lock file of a folder that is given up, if the disk allows it; the caller holds the lock."""
    with contextlib.suppress(OSError):
        (folder / _LOCK_NAME).unlink()


def data_folder(name: str) -> Path:
    """The bundled folder `prompts` or `seeds`: inside the installed package, else in the repository."""
    package = Path(__file__).parent
    installed = package / name
    return installed if installed.is_dir() else package.parent.parent / name


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
