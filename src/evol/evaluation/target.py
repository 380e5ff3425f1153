"""The file that a command makes, and the file beside it that says how it was made.

`<stem>.meta.json` marks the file as evol's own by its digest; it is written before the file is renamed into place, and
names the digest of the file before as well, so that a kill between the two leaves a file that is still known.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
from collections.abc import Sequence
from pathlib import Path

import orjson
from pydantic import ValidationError

from evol.checks import refuse_other_settings
from evol.errors import UsageError
from evol.evaluation.jobs import FileJob, RowT
from evol.evaluation.records import FileMeta
from evol.files import digest_file, open_atomically, read_plain, write_atomically
from evol.journal import has_calls


def check_place(job: FileJob[RowT]) -> None:
    """Refuse a place where the file cannot stand.

    Raises:
        UsageError: no .jsonl name, a folder, or no folder to stand in.
    """
    out = job.out
    if out.suffix != ".jsonl" or not out.stem:
        raise UsageError(f"{out}: rows go to a .jsonl file", "name it like --out responses.jsonl")
    try:
        if out.is_dir():
            raise UsageError(f"{out}: a folder", "name a file with --out")
        if not out.parent.is_dir():
            raise UsageError(f"{out.parent}: no such folder", "make it first, or name another place with --out")
    except OSError as error:
        raise UsageError(f"{out}: {error.strerror}", "name another place with --out") from None


def check_target(job: FileJob[RowT]) -> str:
    """The digest of the file, "" where there is none; the caller holds the lock.

    Raises:
        UsageError: evol did not write what stands there.
        FolderError: it was made with other settings.
    """
    out, meta = job.out, _read_meta(job)
    foreign = f"not written by `{job.command}`, or changed since"
    if meta is None or meta.command != job.command:
        for path in (out, job.meta_path):
            if path.exists():
                raise UsageError(f"{path}: {foreign}", "move it away, or name another file with --out")
        if has_calls(out.parent, job.journal_name):
            raise UsageError(
                f"{out.with_name(job.journal_name)}: {job.meta_path.name}, which says how it was made, is missing",
                "restore that file, or name another place with --out",
            )
        return ""
    current = digest_file(out) if out.exists() else ""
    if current and current not in (meta.sha256, meta.replaces_sha256):
        raise UsageError(f"{out}: {foreign}", "move it away, or name another file with --out")
    if has_calls(out.parent, job.journal_name):
        refuse_other_settings(out, meta.settings, job.settings)
    return current


def _read_meta(job: FileJob[RowT]) -> FileMeta | None:
    try:
        return FileMeta.model_validate_json(read_plain(job.meta_path))
    except (OSError, ValidationError):
        return None


def write_rows(job: FileJob[RowT], rows: Sequence[RowT | None], meta: FileMeta, current: str) -> None:
    """Replace file and meta, unless they already say the same.

    Args:
        job: whose file it is.
        rows: None where one is missing.
        meta: without digests.
        current: digest of the file that stands there.

    Raises:
        StorageError: the disk refused; the old file still stands.
    """
    lines = [orjson.dumps(row.model_dump()) for row in rows if row is not None]
    sha256 = hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
    meta = meta.model_copy(update={"sha256": sha256})
    if current == sha256:
        found = _read_meta(job)
        if found is None or found.model_copy(update={"replaces_sha256": ""}) != meta:
            write_meta(job, current, meta)
        return
    with open_atomically(job.out) as writer:
        for line in lines:
            writer.write_line(line)
        # first, so that a kill between the two leaves a file that is still known as ours
        write_meta(job, current, meta)


def write_meta(job: FileJob[RowT], current: str, meta: FileMeta) -> None:
    """Say how the file was made, and which digest it had before."""
    replaced = current if current != meta.sha256 else ""
    found = meta.model_copy(update={"replaces_sha256": replaced})
    write_atomically(job.meta_path, orjson.dumps(found.model_dump(mode="json"), option=orjson.OPT_INDENT_2))


def remove_leftovers(out: Path) -> None:
    """Remove temporary files of a killed process; the caller holds the lock."""
    for path in out.parent.glob(f".{glob.escape(out.stem)}.*.tmp"):
        if path.name.startswith((f".{out.name}.", f".{out.stem}.meta.json.")):
            with contextlib.suppress(OSError):
                path.unlink()
