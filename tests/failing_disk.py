"""A disk that fails at its n-th operation, or that loses power there: for one process, in which `install` was called.

Operations are counted below one folder: opening for writing, write(2) (of `os.write` and of Python's file objects),
fsync, rename, unlink, truncate, mkdir. A power loss leaves what was made durable: of a file the bytes of its last fsync
and a random part of what was written since, of a folder the names of its last fsync. `install` must be called before
anything was opened there.
"""

from __future__ import annotations

import builtins
import errno
import io
import json
import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_open, _write, _fsync, _ftruncate = os.open, os.write, os.fsync, os.ftruncate
_replace, _unlink, _mkdir, _rmdir, _io_open = os.replace, os.unlink, os.mkdir, os.rmdir, io.open

POWER_LOST = 99
"""Exit code of a process whose machine lost power."""


class Disk:
    """What is counted and known.

    Args:
        folder: below which operations count.
        at: the number of the operation that fails, from 1.
        error: name of the errno, "" for a power loss.
        lasting: whether all later operations fail as well.
        short: whether a write that fails first writes a half.
        counted: a file that tells which operation failed, or how many bytes of each file were synced when power went.
        wreck: where the folder after a power loss is put.
    """

    def __init__(
        self, folder: str, at: int, error: str, lasting: bool, short: bool, counted: str, wreck: str, random_seed: int
    ) -> None:
        self.folder, self._at, self._error, self._lasting, self._short = folder, at, error, lasting, short
        self._counted, self._wreck = counted, wreck
        self._draw = random.Random(random_seed * 1_000_003 + at)
        self._count = 0
        self._is_broken = False
        self._lock = threading.RLock()
        self.paths: dict[int, str] = {}
        self._held: dict[int, int] = {}  # a handle for each inode, so that no number is used twice
        self._durable: dict[int, bytes] = {}
        self._names: dict[str, dict[str, int]] = {}
        if not error:
            for found, folders, files in os.walk(folder):
                self._names[found] = {}
                for name in (*folders, *files):
                    self._hold(os.path.join(found, name))
                self._sync_names(found)

    def is_watched(self, path: Any) -> bool:
        """Whether operations on a path count."""
        return isinstance(path, str | os.PathLike) and os.path.abspath(path).startswith(self.folder + os.sep)

    def step(self, what: str, path: str, half: Callable[[], object] = lambda: None) -> None:
        """Count one operation; raise or end where the plan says so."""
        with self._lock:
            self._count += 1
            if self._counted and self._count == self._at:
                handle = _open(self._counted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                _write(handle, f"{self._count} {what} {path}".encode())
                os.close(handle)
            if self._count == self._at or (self._count > self._at and self._lasting):
                if not self._error:
                    if what == "write":
                        half()
                    self._lose_power()
                if what == "write" and self._short and not self._is_broken:
                    half()
                self._is_broken = True
                number = getattr(errno, self._error)
                raise OSError(number, os.strerror(number), path)

    def note_opened(self, path: str, is_new: bool) -> None:
        """A file was opened for writing."""
        if not self._error:
            with self._lock:
                self._hold(path)
                if is_new:
                    self._durable[os.stat(path).st_ino] = b""

    def note_synced(self, handle: int) -> None:
        """An fsync came to its end."""
        if self._error:
            return
        with self._lock:
            path = self.paths.get(handle, "")
            if os.path.isdir(path):
                self._sync_names(path)
            elif path:
                self._durable[os.fstat(handle).st_ino] = self._read(os.fstat(handle).st_ino)

    def _hold(self, path: str) -> None:
        inode = os.stat(path).st_ino
        if inode not in self._held:
            self._held[inode] = _open(path, os.O_RDONLY)
            if not os.path.isdir(path):
                self._durable[inode] = self._read(inode)

    def _read(self, inode: int) -> bytes:
        handle = self._held[inode]
        return os.pread(handle, os.fstat(handle).st_size, 0)

    def _sync_names(self, folder: str) -> None:
        self._names[folder] = {entry.name: entry.inode() for entry in os.scandir(folder)}

    def _lose_power(self) -> None:
        """Put what would be found after the loss into another folder, and end at once."""
        _mkdir(self._wreck)
        self._restore(self.folder, self._wreck)
        synced = {
            os.path.relpath(os.path.join(found, name), self.folder): len(self._durable[inode])
            for found, _, files in os.walk(self.folder)
            for name in files
            if (inode := os.stat(os.path.join(found, name)).st_ino) in self._durable
        }
        handle = _open(self._counted, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        _write(handle, json.dumps(synced).encode())
        os.close(handle)
        os._exit(POWER_LOST)

    def _restore(self, folder: str, into: str) -> None:
        for name, inode in self._names.get(folder, {}).items():
            target = os.path.join(into, name)
            if os.path.isdir(f"/dev/fd/{self._held[inode]}"):
                _mkdir(target)
                self._restore(os.path.join(folder, name), target)
                continue
            durable, now = self._durable.get(inode, b""), self._read(inode)
            if now.startswith(durable):  # of what was written since, anything may have arrived
                durable = now[: self._draw.randint(len(durable), len(now))]
            handle = _open(target, os.O_WRONLY | os.O_CREAT)
            _write(handle, durable)
            os.close(handle)


class _File(io.FileIO):
    """A file whose writes are counted."""

    def __init__(self, disk: Disk, file: Any, mode: str, path: str) -> None:
        super().__init__(file, mode)
        self._disk, self._path = disk, path

    def write(self, data: Any, /) -> int:
        view = memoryview(data)
        self._disk.step("write", self._path, lambda: io.FileIO.write(self, view[: len(view) // 2]))
        return super().write(view)


def install(
    folder: str,
    at: int,
    error: str = "",
    lasting: bool = False,
    short: bool = False,
    counted: str = "",
    wreck: str = "",
    random_seed: int = 0,
) -> None:
    """Let the disk of this process fail; see `Disk`."""
    disk = Disk(os.path.abspath(folder), at, error, lasting, short, counted, wreck, random_seed)
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def open_low(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        if not disk.is_watched(path) and os.path.abspath(path) != disk.folder:
            return _open(path, flags, *rest, **named)
        absolute = os.path.abspath(path)
        is_new = not os.path.lexists(absolute)
        if flags & writing:
            disk.step("open", absolute)
        handle = _open(path, flags, *rest, **named)
        disk.paths[handle] = absolute
        if flags & writing:
            disk.note_opened(absolute, is_new)
        return handle

    def open_high(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
        path = disk.paths.get(file, "") if isinstance(file, int) else os.fspath(file)
        if isinstance(path, bytes) or not disk.is_watched(path) or not set(mode) & set("wax+"):
            return _io_open(file, mode, buffering, *rest, **named)
        is_new = not os.path.lexists(path)
        if not isinstance(file, int):
            disk.step("open", os.path.abspath(path))
        raw = _File(disk, file, mode.replace("b", "").replace("t", ""), os.path.abspath(path))
        disk.paths[raw.fileno()] = os.path.abspath(path)
        disk.note_opened(os.path.abspath(path), is_new)
        binary = io.BufferedWriter(raw, buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE)
        return binary if "b" in mode else io.TextIOWrapper(binary, *rest, **named)

    def write(handle: int, data: bytes) -> int:
        if handle not in disk.paths:
            return _write(handle, data)
        disk.step("write", disk.paths[handle], lambda: _write(handle, data[: len(data) // 2]))
        return _write(handle, data)

    def fsync(handle: int) -> None:
        if handle not in disk.paths:
            _fsync(handle)
            return
        disk.step("fsync", disk.paths[handle])
        disk.note_synced(handle)

    def ftruncate(handle: int, length: int) -> None:
        if handle in disk.paths:
            disk.step("truncate", disk.paths[handle])
        _ftruncate(handle, length)

    def rename(source: Any, target: Any, **named: Any) -> None:
        if disk.is_watched(target):
            disk.step("rename", os.path.abspath(target))
        _replace(source, target, **named)

    def unlink(path: Any, **named: Any) -> None:
        if disk.is_watched(path):
            disk.step("unlink", os.path.abspath(path))
        _unlink(path, **named)

    def mkdir(path: Any, *rest: Any, **named: Any) -> None:
        if disk.is_watched(path):
            disk.step("mkdir", os.path.abspath(path))
        _mkdir(path, *rest, **named)
        if disk.is_watched(path):
            disk.note_opened(os.path.abspath(path), False)

    def close(handle: int) -> None:
        disk.paths.pop(handle, None)
        os_close(handle)

    os_close = os.close
    stand_ins: dict[str, Any] = {
        "open": open_low, "write": write, "fsync": fsync, "ftruncate": ftruncate, "close": close, "replace": rename,
        "rename": rename, "unlink": unlink, "remove": unlink, "mkdir": mkdir,
    }  # fmt: skip
    for name, stand_in in stand_ins.items():
        setattr(os, name, stand_in)
    for module in (io, builtins):
        setattr(module, "open", open_high)  # noqa: B010 - a checker would compare the overloads


def replace_by_wreck(folder: Path, wreck: Path) -> None:
    """Put what the power loss left in the place of a folder."""
    shutil.rmtree(folder)
    wreck.rename(folder)
