"""One lineage of a run in any state, found by a row's id or a seed's, without reading the run into memory.

Files are scanned for lines that begin with the seed's id, and nothing else is parsed; of a run that goes on or was
killed the one lineage is replayed from those journal records that are its own.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

import orjson

from evol.config import RunConfig
from evol.errors import FolderError, UsageError
from evol.figures import ShownLineage
from evol.files import is_locked, open_plain, translate_storage_errors
from evol.folder import ELIMINATED_NAME, SEEDS_NAME, generation_name, require_manifest
from evol.journal import JOURNAL_NAME, Journal
from evol.packs import load_pack
from evol.projection import replay_lineage
from evol.records import Manifest, Seed
from evol.rows import RowDict
from evol.scores import SCORES_NAME

SUGGESTIONS = 3
_AGAIN = "run the same `evol run` again to restore it"


def find_lineage(folder: Path, name: str) -> ShownLineage:
    """The lineage that a row or a seed belongs to.

    Args:
        folder: of a run in any state.
        name: a seed's id or a row's; of a training mix, with its `@run`.

    Raises:
        UsageError: the run has no such seed or row.
        FolderError: no run's folder, or damaged where the lineage stands.
    """
    manifest = require_manifest(folder)
    for seed_id, generation in _read_name(name):
        found = _find_seed(folder, seed_id)
        if found is None:
            continue
        if generation is not None and generation > manifest.generations:
            raise UsageError(f"{folder}: the run has no generation {generation}", f"{seed_id} shows what there is")
        position, seed = found
        if manifest.status == "running":
            status = "in progress" if is_locked(folder) else "killed"
            rows = _replay(folder, manifest, position, seed)
        else:
            status, rows = manifest.status, _read(folder, manifest, seed_id)
        error = next((one.error for one in manifest.unfinished if one.seed_id == seed_id), "")
        return ShownLineage(
            folder=str(folder),
            status=status,
            seed_id=seed_id,
            asked=generation,
            generations=manifest.generations,
            rows=rows,
            error=error,
            scores=_find_scores(folder, seed_id),
        )
    near = _suggest(folder, name)
    raise UsageError(
        f"{folder}: no seed or row has the id {name!r}",
        f"near it are {', '.join(near)}" if near else "the ids stand in generation-0.jsonl",
    )


def _read_name(name: str) -> Iterator[tuple[str, int | None]]:
    """Yield what an id may mean, the likeliest first: a seed, a row; the same without the run that a mix names."""
    for one in dict.fromkeys((name, name.rpartition("@")[0] or name)):
        yield one, None
        seed_id, _, number = one.rpartition(".")
        if seed_id and number.isdecimal() and number.isascii():
            yield seed_id, int(number[:9])


def _find_lines(path: Path, start: bytes, marker: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the place, from 0, and the text of every line that begins so and has the marker in its head."""
    reach = len(start) + 2 * len(marker) + 40
    with open_plain(path) as file:
        for place, line in enumerate(file):
            if line.startswith(start) and line.find(marker, 0, reach) >= 0:
                yield place, line


def _find_seed(folder: Path, seed_id: str) -> tuple[int, Seed] | None:
    path, start = folder / SEEDS_NAME, b'{"id":' + _quote(seed_id) + b","
    try:
        place, line = next(_find_lines(path, start, start), (0, b""))
        return (place, Seed.model_validate(orjson.loads(line))) if line else None
    except OSError as error:
        raise FolderError(f"{path}: {error.strerror}", _AGAIN) from None
    except ValueError:
        raise FolderError(f"{path}: not a seed in line {place + 1}", _AGAIN) from None


def _read(folder: Path, manifest: Manifest, seed_id: str) -> list[RowDict]:
    rows: list[RowDict] = []
    marker = b',"seed_id":' + _quote(seed_id) + b","
    for name in (*map(generation_name, range(manifest.generations + 1)), ELIMINATED_NAME):
        path = folder / name
        try:
            for place, line in _find_lines(path, b'{"id":' + _quote(seed_id)[:-1] + b".", marker):
                try:
                    rows.append(orjson.loads(line))
                except ValueError:
                    raise FolderError(f"{path}:{place + 1}: not a row", _AGAIN) from None
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}", _AGAIN) from None
    return sorted(rows, key=lambda row: int(row["generation"]))


def _replay(folder: Path, manifest: Manifest, position: int, seed: Seed) -> list[RowDict]:
    config = RunConfig.model_validate_json(orjson.dumps(manifest.settings))
    pack = load_pack(config.pack, config.prompt_variant, config.evolver.weights, config.evolver.breadth_share)
    if not (folder / JOURNAL_NAME).exists():
        return []
    with Journal.open_for_reading(folder, only=seed.id) as journal:
        return [outcome.row.model_dump() for outcome in replay_lineage(seed, position, config, pack, journal)]


def _find_scores(folder: Path, seed_id: str) -> dict[str, dict[str, float]]:
    path, found = folder / SCORES_NAME, dict[str, dict[str, float]]()
    if path.exists():
        with translate_storage_errors(path):
            start = b'{"id":' + _quote(seed_id)[:-1] + b"."
            for _, line in _find_lines(path, start, b""):
                row = orjson.loads(line)
                if row["id"] == f"{seed_id}.{row['generation']}":
                    found.setdefault(row["id"], {})[row["mode"]] = row["score"]
    return found


def _suggest(folder: Path, name: str) -> list[str]:
    """Ids that are spelt alike: those that begin or end with it, then those with few other letters."""
    with open_plain(folder / SEEDS_NAME) as file:
        ids = [str(orjson.loads(line)["id"]) for line in file]
    wanted = name.casefold()
    ends = [one for one in ids if one.casefold().startswith(wanted) or one.casefold().endswith(wanted)]
    near = sorted(ends, key=len)[:SUGGESTIONS] or difflib.get_close_matches(name, ids, SUGGESTIONS)
    return list(near)


def _quote(text: str) -> bytes:
    return orjson.dumps(text)
