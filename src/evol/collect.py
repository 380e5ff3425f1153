"""`evol collect`: the shards of a run joined into an ordinary run folder.

The folder is made beside its place as `.<name>.collecting` and renamed when it is whole, so that a kill at any moment
leaves nothing at the place itself; the same command then begins anew. The outputs are projected from the joined
journal, as those of any run (`projection.py`), so they are what one run of all seeds would have written, byte for byte.
Where the place holds an earlier state of the same shards it is brought up to date: its manifest says "running" until
all files are replaced, and the same command finishes what a kill left. The shards are only read, and held meanwhile.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from evol import __version__
from evol.collectchecks import Part, check_out, check_shards, describe_state
from evol.errors import EXIT_DONE, EXIT_UNFINISHED, FolderError, UsageError
from evol.files import lock_folder, remove_leftovers, remove_lock, share_folder, sync_folder, translate_storage_errors
from evol.folder import (
    ELIMINATED_NAME,
    MANIFEST_NAME,
    SEEDS_NAME,
    load_settings,
    read_seeds_again,
    write_manifest,
)
from evol.joining import join_journals, join_seeds
from evol.journal import JOURNAL_NAME, Journal
from evol.pipeline import RunResult
from evol.projection import Tally, write_outputs
from evol.records import NOT_REACHED, Estimate, Manifest, Price, SeedsSource, UnfinishedLineage
from evol.session import allow_open_files

_FILES_EACH = 2  # that a shard has open at most: its lock, and its journal or its seeds
_OTHER_FILES = 160  # the outputs of a hundred generations, with room
_BUDGETS = ("rpm", "tpm", "max_cost", "max_calls", "max_tokens")


def collect(
    out: Path,
    folders: Sequence[Path],
    notice: Callable[[str], None],
    *,
    allow_unfinished: bool = False,
    seeds_path: str | None = None,
) -> RunResult:
    """Join all shards of a run.

    Args:
        out: the folder to be made; it may not exist, or be an earlier state of the same join.
        folders: of the shards, in any order.
        notice: is told what the user should know.
        allow_unfinished: take shards that stopped early as they are.
        seeds_path: where the seeds came from, None where the shards' manifests say it.

    Returns:
        As of a run: exit code 3 where lineages are unfinished.

    Raises:
        FolderInUse: a shard is still running, or `out` is in use.
        FolderError: a folder is damaged, is no shard, is a shard of another run, or `out` is in the way.
        UsageError: a shard is missing, named twice, or stopped early.
        StorageError: the disk refused.
    """
    _require_open_files(len(folders))
    with contextlib.ExitStack() as stack:
        for folder in {folder.resolve(): folder for folder in folders}.values():
            stack.enter_context(share_folder(folder))
        parts = check_shards(folders, notice, allow_unfinished=allow_unfinished)
        state, before = check_out(out, parts)
        if state == "same" and before is not None:
            return RunResult(before, EXIT_DONE if before.status == "done" else EXIT_UNFINISHED, was_done=True)
        workshop = stack.enter_context(_open_workshop(out))
        if check_out(out, parts) != (state, before):
            raise FolderError(f"{out}: another command changed it just now", "run the command again")
        manifest = _build(workshop, out, parts, notice, seeds_path or parts[0].manifest.seeds.path)
        if state == "new":
            with translate_storage_errors(out):
                os.rename(workshop, out)  # noqa: PTH104 - Path.rename says the same
                sync_folder(out.absolute().parent)
        else:
            with lock_folder(out):
                if check_out(out, parts) != (state, before):  # joining may have taken minutes
                    raise FolderError(f"{out}: another command changed it just now", "run the command again")
                notice(f"{out}: brought up to date with its shards")
                _replace(workshop, out, manifest)
    return RunResult(manifest, EXIT_DONE if manifest.status == "done" else EXIT_UNFINISHED)


def _require_open_files(shards: int) -> None:
    wanted = _FILES_EACH * shards + _OTHER_FILES
    if (allowed := allow_open_files(wanted)) < wanted:
        raise UsageError(
            f"{shards} shards need {wanted} open files, this process may have {allowed}",
            f"run `ulimit -n {wanted}` first",
        )


@contextlib.contextmanager
def _open_workshop(out: Path) -> Iterator[Path]:
    """An empty folder beside `out`, held for this process; removed unless it became `out`."""
    place = out.absolute()
    workshop = place.with_name(f".{place.name}.collecting")
    if workshop.is_symlink():  # what it leads to is none of ours to clear
        raise FolderError(f"{workshop}: a link, and evol makes its files there", "remove it")
    with translate_storage_errors(out):
        workshop.mkdir(parents=True, exist_ok=True)
    with lock_folder(workshop, out):
        _clear(workshop)  # what a killed process left
        made = workshop.stat().st_ino
        try:
            yield workshop
        finally:
            with contextlib.suppress(OSError):
                if workshop.stat().st_ino == made:  # it did not become `out`
                    _clear(workshop)
                    remove_lock(workshop)
                    workshop.rmdir()


def _clear(workshop: Path) -> None:
    remove_leftovers(workshop)
    for name in (MANIFEST_NAME, JOURNAL_NAME, SEEDS_NAME, ELIMINATED_NAME):
        (workshop / name).unlink(missing_ok=True)
    for path in workshop.glob("generation-*.jsonl"):
        path.unlink()


def _build(
    workshop: Path, out: Path, parts: Sequence[Part], notice: Callable[[str], None], seeds_path: str
) -> Manifest:
    """Write all files of the joined run."""
    first = parts[0]
    taken = join_journals([part.folder for part in parts], workshop, notice)
    digest = join_seeds([(part.folder, part.manifest, part.shard) for part in parts], workshop)
    if digest != first.shard.all_sha256:
        raise FolderError(f"{first.folder} and the other shards: their seeds are not the whole list", "run each again")
    config, pack = load_settings(first.folder, first.manifest)
    tally = Tally.for_generations(config.generations)
    prices = _find_common_prices(parts, notice)
    with Journal.open_for_reading(workshop) as journal:
        files = write_outputs(workshop, read_seeds_again(workshop), config, pack, journal, tally)
        calls = journal.freeze_totals(dict(prices))
    is_complete = not any(generation.unfinished for generation in tally.generations)
    if not is_complete and all(part.manifest.status == "done" for part in parts):
        if all(part.manifest.evol_version == __version__ for part in parts):
            lost = tally.unfinished[0][0]
            raise FolderError(
                f"{out}: the shards are done, and the calls of seed {lost!r} stand in no journal of theirs",
                "restore the journals from a copy, or run the same `evol run` again on each shard",
            )
        notice(f"{out}: lineages are unfinished under the rules of evol {__version__}; `evol run` there finishes them")
    reasons = {lost.seed_id: lost.error for part in parts for lost in part.manifest.unfinished}
    manifest = Manifest(
        evol_version=__version__,
        status="done" if is_complete else "unfinished",
        generations=config.generations,
        seeds=SeedsSource(path=seeds_path, count=tally.seeds, sha256=digest),
        collected=[describe_state(part, size) for part, size in zip(parts, taken, strict=True)],
        settings=_join_settings(parts) | {"out": str(out), "shard": "", "seeds": seeds_path},
        fingerprint=first.manifest.fingerprint,
        eliminator=first.manifest.eliminator,
        prices=prices,
        estimate=_add_estimates([part.manifest.estimate for part in parts]),
        counts=tally.freeze(),
        calls=calls,
        unfinished=[
            UnfinishedLineage(seed_id=seed_id, generation=generation, error=reasons.get(seed_id, NOT_REACHED))
            for seed_id, generation in tally.unfinished
        ],
        files=files,
    )
    write_manifest(workshop, manifest)
    return manifest


def _replace(workshop: Path, out: Path, manifest: Manifest) -> None:
    """Bring an earlier state up to date; until the manifest stands again, no command takes the files for a whole."""
    with translate_storage_errors(out):
        write_manifest(out, manifest.model_copy(update={"status": "running", "counts": [], "files": {}}))
        for name in (JOURNAL_NAME, SEEDS_NAME, *manifest.files):
            os.replace(workshop / name, out / name)  # noqa: PTH105 - Path.replace says the same
        for path in out.glob("generation-*.jsonl"):
            if path.name not in manifest.files:
                path.unlink()
        sync_folder(out)
        write_manifest(out, manifest)


def _join_settings(parts: Sequence[Part]) -> dict[str, Any]:
    """The first shard's settings with the budgets and rates of all together; one without a limit makes it unlimited."""
    limits = [part.manifest.settings["limits"] for part in parts]
    joined = dict(limits[0])
    for name in _BUDGETS:
        values = [each.get(name) for each in limits]
        joined[name] = None if None in values else sum(values)
    return parts[0].manifest.settings | {"limits": joined}


def _find_common_prices(parts: Sequence[Part], notice: Callable[[str], None]) -> dict[str, Price]:
    """Prices that hold for all calls of a role; where shards paid different ones the cost becomes unknown."""
    prices: dict[str, Price] = {}
    for role in sorted({role for part in parts for role in part.manifest.prices}):
        paid = [part.manifest.prices.get(role) for part in parts if part.manifest.seeds.count]
        known = {price.model_dump_json(): price for price in paid if price is not None}
        if len(known) == 1 and None not in paid:
            prices[role] = next(iter(known.values()))
        elif paid:
            notice(f"the shards paid different prices for the {role}; its cost is unknown in the joined folder")
    return prices


def _add_estimates(estimates: Sequence[Estimate | None]) -> Estimate | None:
    known = [estimate.model_dump() for estimate in estimates if estimate is not None]
    if len(known) != len(estimates):
        return None
    columns = {name: [one[name] for one in known] for name in known[0]}
    sums: dict[str, Any] = {name: None if None in values else sum(values) for name, values in columns.items()}
    return Estimate(**sums)
