"""The files of a mix as one set: where they go, what may be replaced, and all of them or none.

The marker `<stem>.meta.json` names every file of the set with its digest; a file that it does not name, or that was
changed since, is not ours and is never replaced. Steps: every file is written into a hidden folder and fsynced; the
marker says that a set is on its way (`complete` is false) and knows old and new digests; the files are renamed; those
of the old set that the new one lacks are removed; the marker says `complete`. A kill before the first step that counts
leaves the old set, a kill between the renames a marker that says so, and the next merge may replace everything. A
folder that does not exist yet is written beside its place and renamed whole. The hidden folder of a killed merge is
removed by the next one to the same place. Two merges to one place: the second to come to its end is refused.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from evol.errors import FolderInUse, UsageError
from evol.files import (
    JsonlWriter,
    digest_file,
    hold_folder,
    mark_in_use,
    read_plain,
    remove_abandoned,
    sync_folder,
    translate_storage_errors,
    write_atomically,
)
from evol.mixing.columns import ParquetWriter

STEM = "mix"

_RUN_FILES = re.compile(r"generation-\d+|eliminated|journal|manifest|\..*")

_MOVE = "move it away, or name another place with --out"


@dataclass(frozen=True)
class Target:
    """Where a mix goes.

    Attributes:
        folder: its folder.
        stem: common beginning of the names.
        suffix: of the mix.
        card: name of the dataset card.
        is_new: the folder does not exist yet.
    """

    folder: Path
    stem: str
    suffix: str
    card: str
    is_new: bool = False

    @property
    def mix(self) -> str:
        """The mix's name."""
        return f"{self.stem}{self.suffix}"

    @property
    def marker(self) -> Path:
        """The file that says what the set is."""
        return self.folder / f"{self.stem}.meta.json"

    def name(self, part: str) -> str:
        """The name of a side file, e.g. "lineage.jsonl"."""
        return f"{self.stem}.{part}"


def find_target(runs: list[Path], out: Path | None, suffix: str) -> Target:
    """Read `--out`: a file of the format's suffix, or a folder that is new, empty, or holds a mix in it.

    Raises:
        UsageError: several runs without `out`, a file of another kind, a missing or foreign folder.
    """
    if out is None:
        if len(runs) != 1:
            raise UsageError("several runs make one mix", "name its file or folder with --out")
        return Target(runs[0], STEM, suffix, f"{STEM}.card.md")
    try:
        is_folder, is_there = out.is_dir(), out.exists()
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}", "name another place") from None
    if not out.parent.is_dir():
        raise UsageError(f"{out.parent}: no such folder", "make it first, or name another place with --out")
    if out.suffix in (".jsonl", ".parquet", ".json"):
        if is_folder:
            raise UsageError(f"{out}: a folder", "name a file with --out, or a folder that is not named like one")
        if out.suffix != suffix:
            raise UsageError(f"{out}: the mix of this format is a {suffix} file", f"name it like --out mix{suffix}")
        if _RUN_FILES.fullmatch(out.stem):
            raise UsageError(f"{out}: a name that runs use for their own files", f"name it like --out mix{suffix}")
        return Target(out.parent, out.stem, suffix, f"{out.stem}.card.md")
    if is_there and not is_folder:
        raise UsageError(f"{out}: a file", f"name a {suffix} file or a folder with --out")
    target = Target(out, STEM, suffix, "README.md", is_new=not is_there)
    if is_there:
        remove_abandoned(out, target.marker.name)
    if is_there and any(out.iterdir()) and target.card not in (read_marker(target.marker) or {}):
        raise UsageError(f"{out}: a folder that holds other things", f"name a new or empty one, or {out}/mix{suffix}")
    return target


class Outputs:
    """Collects the files of a set under temporary names; `commit` puts them in place. A context manager.

    Args:
        target: where they go.
        names: every file of the set but the marker, so that one in the way is met before anything is written.
        dry: put nothing in place.

    Raises:
        UsageError: a file in the way that evol did not write, or that was changed since.
        StorageError: the disk refused.
    """

    def __init__(self, target: Target, names: list[str], *, dry: bool) -> None:
        self.target, self._names, self._dry = target, names, dry
        self._old = read_marker(target.marker)
        self.replaced = {} if target.is_new else self._check_ours()
        self._parts: dict[str, Path] = {}
        self.digests: dict[str, str] = {}
        self.sizes: dict[str, int] = {}
        self._staging = Path()
        self._held = -1

    def __enter__(self) -> Outputs:
        target = self.target
        place, name = (
            (target.folder.parent, target.folder.name) if target.is_new else (target.folder, target.marker.name)
        )
        if self._dry:
            place, name = Path(tempfile.gettempdir()), "evol"
        with translate_storage_errors(place):
            remove_abandoned(place, name)
            self._staging = Path(tempfile.mkdtemp(prefix=f".{name}.", suffix=".tmp", dir=place))
            self._held = os.open(self._staging, os.O_RDONLY | os.O_CLOEXEC)
            mark_in_use(self._held)
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)
        os.close(self._held)

    @contextlib.contextmanager
    def open_jsonl(self, name: str) -> Iterator[JsonlWriter]:
        """Write one file of the set as JSON lines."""
        with self._open_part(name) as file:
            writer = JsonlWriter(file)
            yield writer
        self.digests[name] = writer.sha256

    @contextlib.contextmanager
    def open_mix(self, name: str, columns: list[str]) -> Iterator[JsonlWriter | ParquetWriter]:
        """Write the mix or its holdout in the target's kind of file."""
        if self.target.suffix == ".jsonl":
            with self.open_jsonl(name) as lines:
                yield lines
            return
        with self._open_part(name):
            writer = ParquetWriter(self._parts[name], columns)
            yield writer
            writer.close()
        self.digests[name] = digest_file(self._parts[name])

    def add(self, name: str, content: bytes) -> None:
        """Write one small file of the set."""
        with self.open_jsonl(name) as writer:
            writer.write_line(content.removesuffix(b"\n"))

    def commit(self, about: dict[str, Any]) -> None:
        """Put the set in place.

        Args:
            about: what the marker says beside files and digests.

        Raises:
            FolderInUse: another merge to the same place came to its end meanwhile.
            StorageError: the disk refused; the marker then says that the set is not complete.
        """
        if self._dry:
            return
        target = self.target
        about = about | {"files": self.digests, "replaces": self.replaced}
        with translate_storage_errors(target.folder):
            if target.is_new:
                write_atomically(self._staging / target.marker.name, _serialise(about | {"complete": True}))
                self._staging.chmod(0o755 & ~_umask())
                self._staging.rename(target.folder)
                sync_folder(target.folder.parent)
                return
            with hold_folder(target.folder):  # renames of two merges must not mingle
                if read_marker(target.marker) != self._old:
                    raise FolderInUse(f"{target.marker}: another merge wrote it just now", "run the command again")
                write_atomically(target.marker, _serialise(about | {"complete": False}))
                for name, part in self._parts.items():
                    part.replace(target.folder / name)
                for name in self.replaced.keys() - self.digests.keys():
                    (target.folder / name).unlink()
                sync_folder(target.folder)
                write_atomically(target.marker, _serialise(about | {"replaces": {}, "complete": True}))

    @contextlib.contextmanager
    def _open_part(self, name: str) -> Iterator[IO[bytes]]:
        with translate_storage_errors(self.target.folder / name):
            part = self._parts[name] = self._staging / name
            with part.open("wb", buffering=1 << 18) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.chmod(0o644 & ~_umask())
            self.sizes[name] = part.stat().st_size

    def _check_ours(self) -> dict[str, str]:
        """Digests of what will be replaced or removed, by name."""
        found: dict[str, str] = {}
        marker = self.target.marker
        if marker.exists() and self._old is None:
            raise UsageError(f"{marker}: not written by evol", _MOVE)
        known = self._old or {}
        for name in [*self._names, *(name for name in known if name not in self._names)]:
            path = self.target.folder / name
            if not path.exists():
                continue
            with translate_storage_errors(path):
                digest = digest_file(path) if path.is_file() else ""
            if digest not in known.get(name, set()):
                raise UsageError(f"{path}: not written by `evol merge`, or changed since", _MOVE)
            found[name] = digest
        return found


def read_marker(path: Path) -> dict[str, set[str]] | None:
    """Digests that a marker knows, by name; None where there is no marker, or not one of ours."""
    try:
        about = orjson.loads(read_plain(path))
        if "files" not in about:  # of evol 0.1's first days: the mix alone
            name = Path(about["out"]).name
            return {name: {str(about["sha256"]), str(about["replaces_sha256"])}}
        sets = [dict(about["files"]), dict(about["replaces"])]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    names = {name for files in sets for name in files if Path(name).name == name}
    return {name: {str(files[name]) for files in sets if name in files} for name in sorted(names)}


def _serialise(about: dict[str, Any]) -> bytes:
    return orjson.dumps(about, option=orjson.OPT_INDENT_2)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
