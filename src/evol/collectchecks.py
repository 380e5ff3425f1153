"""What `evol collect` checks before it writes: the shards are all parts of one run, and nothing is in the way.

Each fault is one sentence that names the folders. Shards may differ in what changes no request: host, key, concurrency,
budgets, the machine that they ran on.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import ValidationError

from evol import __version__
from evol.batchstore import FOLDER_NAME
from evol.checks import find_differences
from evol.config import RunConfig
from evol.errors import FolderError, StorageError, UsageError
from evol.folder import MANIFEST_NAME, check_outputs, read_manifest, require_manifest
from evol.joining import find_journal_start
from evol.journal import JOURNAL_NAME
from evol.records import CollectedShard, Manifest, Shard
from evol.shards import unpack_positions

MOST_NAMED = 8
"""Missing shards that a message lists."""


@dataclass(frozen=True)
class Part:
    """One shard's folder."""

    folder: Path
    manifest: Manifest
    shard: Shard


def check_shards(folders: Sequence[Path], notice: Callable[[str], None], *, allow_unfinished: bool) -> list[Part]:
    """All shards of one run, by index. The caller keeps runs out of the folders.

    Args:
        folders: in any order.
        notice: is told of lineages that could not finish.
        allow_unfinished: take a shard that stopped early as it is.

    Raises:
        FolderError: not a shard, or shards of different runs.
        UsageError: a shard is missing, named twice, or stopped early.
    """
    parts = sorted((_read_part(folder) for folder in folders), key=lambda part: part.shard.index)
    first = parts[0]
    for part in parts[1:]:
        _compare(first, part)
    for one, other in itertools.pairwise(parts):
        if one.shard.index == other.shard.index:
            if one.folder.resolve() == other.folder.resolve():
                raise UsageError(f"{other.folder}: named twice", "name each shard once")
            raise UsageError(f"{one.folder} and {other.folder}: both are shard {one.shard}", "name one of them")
    there = {part.shard.index for part in parts}
    if missing := first.shard.count - len(there):
        others = (index for index in range(1, first.shard.count + 1) if index not in there)
        named = ", ".join(f"{index}/{first.shard.count}" for index in itertools.islice(others, MOST_NAMED))
        more = f" and {missing - MOST_NAMED} more" if missing > MOST_NAMED else ""
        raise UsageError(
            f"shard{'s' * (missing > 1)} {named}{more} of {first.folder}'s run: missing", "name all of them"
        )
    _check_positions(parts)
    for part in parts:
        _check_end(part, notice, allow_unfinished=allow_unfinished)
    return parts


def _read_part(folder: Path) -> Part:
    manifest = require_manifest(folder)
    if manifest.shard is None:
        raise FolderError(f"{folder}: not a shard, it holds a whole run", "name folders that `evol run --shard` wrote")
    try:
        RunConfig.model_validate_json(orjson.dumps(manifest.settings))
        is_damaged = manifest.shard.index > manifest.shard.count
    except ValidationError:
        is_damaged = True
    if is_damaged:
        raise FolderError(f"{folder / MANIFEST_NAME}: damaged", "restore it from a copy")
    return Part(folder, manifest, manifest.shard)


def _compare(first: Part, part: Part) -> None:
    """Refuse two shards that are not parts of one run."""
    if first.shard.count != part.shard.count:
        raise FolderError(
            f"{first.folder} is shard {first.shard}, {part.folder} is shard {part.shard}", "name shards of one run"
        )
    if (first.shard.all_seeds, first.shard.all_sha256) != (part.shard.all_seeds, part.shard.all_sha256):
        raise FolderError(
            f"{first.folder} and {part.folder}: made from different seeds ({first.shard.all_seeds} and "
            f"{part.shard.all_seeds} in the whole list)",
            "run them again with the same seeds and --limit",
        )
    if differing := find_differences(_list_settings(first.manifest), _list_settings(part.manifest)):
        shown = "; ".join(
            f"{name} is {one} in the first, {other} in the second" for name, (one, other) in list(differing.items())[:4]
        )
        raise FolderError(
            f"{first.folder} and {part.folder}: made with different settings ({shown})",
            "run them again with the same settings",
        )


def _list_settings(manifest: Manifest) -> dict[str, Any]:
    """What all parts of one run must share."""
    return {
        **manifest.fingerprint,
        "generations": manifest.generations,
        "seed_responses": manifest.settings.get("seed_responses"),
        "eliminator": manifest.eliminator,
    }


def _check_positions(parts: Sequence[Part]) -> None:
    """Hold that the shards' seeds are all seeds, each once; they are unless a manifest was changed by hand."""
    try:
        positions = heapq.merge(
            *(((place, n) for place in unpack_positions(part.shard.positions)) for n, part in enumerate(parts))
        )
        expected = 0
        for expected, (position, number) in enumerate(positions, 1):
            if position != expected - 1 or position >= parts[0].shard.all_seeds:
                raise FolderError(
                    f"{parts[number].folder / MANIFEST_NAME}: its seeds overlap another shard's, or leave a gap",
                    "run the same `evol run` again to restore it",
                )
    except ValueError:
        raise FolderError(
            f"{parts[0].folder / MANIFEST_NAME} or another shard's: damaged positions",
            "run the same `evol run` again on each shard",
        ) from None
    if expected != parts[0].shard.all_seeds:
        raise FolderError(
            f"{parts[0].folder} and the other shards: {expected} seeds of {parts[0].shard.all_seeds}",
            "run the same `evol run` again on each shard",
        )


def _check_end(part: Part, notice: Callable[[str], None], *, allow_unfinished: bool) -> None:
    """A shard that tried everything is taken; one that stopped early only on request."""
    status = part.manifest.status
    where = f"{part.folder}: shard {part.shard}"
    batches = part.folder / FOLDER_NAME
    if batches.is_dir() and any(batches.iterdir()):  # also of a shard that is done: its ratings may be out
        raise UsageError(
            f"{where} has batches out that are paid for", "run the same `evol run` or `evol score` until they are in"
        )
    if status == "done":
        return
    missing = max((count.unfinished for count in part.manifest.counts), default=0)
    lineages = f"{missing} of {part.manifest.seeds.count} lineages are unfinished"
    if status == "unfinished":
        notice(f"{where}: {lineages}; `evol run` on the joined folder tries them again")
    elif allow_unfinished:
        notice(f"{where} was killed" if status == "running" else f"{where}: {lineages} ({status})")
    else:
        raise UsageError(
            f"{where} was killed" if status == "running" else f"{where}: {lineages} ({status})",
            "run the same `evol run` again, or take what is there with --allow-unfinished",
        )


OutState = Literal["new", "same", "older"]


def check_out(out: Path, parts: Sequence[Part]) -> tuple[OutState, Manifest | None]:
    """What stands where the joined folder goes: nothing, exactly that, or an earlier state of it.

    Raises:
        FolderError: anything else.
        StorageError: it cannot be read.
    """
    manifest = check_place(out, [part.folder for part in parts])
    if manifest is None:
        return "new", None
    is_same = (
        manifest.status != "running"
        and manifest.evol_version == __version__
        and manifest.collected == [describe_state(part, _measure(part.folder)) for part in parts]
        and _list_settings(manifest) == _list_settings(parts[0].manifest)
    )
    if is_same:
        try:
            check_outputs(out, manifest)
        except FolderError:
            is_same = False  # they are written again
    return ("same" if is_same else "older"), manifest


def check_place(out: Path, folders: Sequence[Path]) -> Manifest | None:
    """Hold that nothing is lost when these shards are joined into `out`: the manifest of an earlier join, or None.

    Args:
        out: the folder to be made.
        folders: of the shards by index; those of a join that is still to be made may not exist.

    Raises:
        UsageError: it lies in a shard, or a shard in it.
        FolderError: something else stands there, or a join that has calls which the shards do not have.
        StorageError: it cannot be read.
    """
    place = out.resolve()
    for folder, shard in ((folder, folder.resolve()) for folder in folders):
        if place != shard and (place.is_relative_to(shard) or shard.is_relative_to(place)):
            raise UsageError(f"{out} and {folder}: one lies in the other", "name a folder beside the shards")
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return None
    except OSError as error:
        raise StorageError(f"{out}: {error.strerror}", "check the path") from None
    if not out.is_dir():
        raise FolderError(f"{out}: a file, not a folder", "name a new folder")
    manifest = read_manifest(out)
    if manifest is None:
        raise FolderError(f"{out}: exists, and is no folder of a run", "name a new folder")
    if manifest.shard is not None:
        raise FolderError(
            f"{out}: is itself shard {manifest.shard}", "name the folder to be made first: evol collect OUT SHARD…"
        )
    if not manifest.collected:
        raise FolderError(f"{out}: a run folder already", "name a new folder, or go on there with `evol run`")
    starts = [shard.journal_start for shard in manifest.collected]
    if len(starts) != len(folders) or any(
        start not in ("", find_journal_start(folder)) for start, folder in zip(starts, folders, strict=True)
    ):
        raise FolderError(f"{out}: was joined from other shards", "name a new folder")
    joined = sum(shard.journal_bytes for shard in manifest.collected)
    if manifest.status != "running" and _measure(out) != joined:
        raise FolderError(
            f"{out}: has calls of its own since its shards were joined",
            "go on there with `evol run` or `evol score`, or name a new folder",
        )
    return manifest


def _measure(folder: Path) -> int:
    """Length of a journal."""
    path = folder / JOURNAL_NAME
    try:
        return path.stat().st_size
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}", "restore it from a copy; what is paid stands there") from None


def describe_state(part: Part, journal_bytes: int) -> CollectedShard:
    """A shard as it is joined now."""
    return CollectedShard(
        seeds_sha256=part.manifest.seeds.sha256,
        journal_bytes=journal_bytes,
        journal_start=find_journal_start(part.folder),
    )
