"""`scores.jsonl`, what `evol score` writes beside the rows of a run, and `scores.meta.json`, which tells how.

The ratings of one mode, then those of the other, each in seed order, then generation: id, generation, score, mode. The
meta file holds the digests of the rows that were read, so that a reader knows whether the run has changed since; of two
modes only those stay together that speak of the same rows. It is written first and names the digest of the scores
before as well, so that after a crash between the two the scores are still known to be evol's own.
"""

from __future__ import annotations

import contextlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import get_args

import orjson
from pydantic import ValidationError

from evol import __version__
from evol.errors import FolderError, StorageError, UsageError
from evol.figures import (
    PAPER_DIFFICULTY,
    SCORES_FORMAT,
    DifficultyStats,
    GenerationDifficulty,
    Score,
    ScoreMode,
    ScoresMeta,
    ScoringCount,
    ScoringMeta,
)
from evol.files import digest_file, open_atomically, open_plain, read_plain, write_atomically
from evol.folder import generation_name
from evol.records import Manifest
from evol.scorer import HIGHEST, LOWEST

MODES: tuple[ScoreMode, ...] = get_args(ScoreMode)
SCORES_NAME = "scores.jsonl"
META_NAME = "scores.meta.json"
AGAIN = "run `evol score` again, which pays nothing for what it has asked already"


def list_row_files(manifest: Manifest) -> dict[str, str]:
    """The digests of all files of rows, seeds included."""
    names = (generation_name(number) for number in range(manifest.generations + 1))
    return {name: manifest.files[name].sha256 for name in names if name in manifest.files}


def read_meta(folder: Path) -> ScoresMeta | None:
    """How the scores were made, None where there are none.

    Raises:
        FolderError: damaged, or of a newer evol.
    """
    path = folder / META_NAME
    try:
        content = read_plain(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", "check the folder's permissions") from None
    try:
        found = orjson.loads(content)
        if isinstance(found, dict) and isinstance(found.get("format"), int) and found["format"] > SCORES_FORMAT:
            raise FolderError(f"{path}: written by evol {found.get('evol_version')}", "use that version or a newer one")
        meta = ScoresMeta.model_validate_json(content)
        if any(not re.fullmatch(r"[0-9]{1,3}", name) for made in meta.modes.values() for name in made.counts):
            raise ValueError("no generation")  # noqa: TRY301 - damaged, like what is no JSON
        return meta
    except (ValidationError, ValueError):
        raise FolderError(f"{path}: damaged", f"remove it and {SCORES_NAME}, then {AGAIN}") from None


def check_target(folder: Path) -> None:
    """Refuse to replace scores that evol did not write, or that were changed since.

    Raises:
        UsageError: such a file is in the way.
        FolderError: the meta file is damaged.
    """
    path, meta = folder / SCORES_NAME, read_meta(folder)
    if not path.exists():
        return
    known = {meta.sha256, meta.replaces_sha256} if meta else set()
    if not path.is_file() or digest_file(path) not in known:
        raise UsageError(f"{path}: not written by `evol score`, or changed since", "move it away")


def write_scores(
    folder: Path,
    mode: ScoreMode,
    scores: Iterable[Score],
    describe: Callable[[], ScoringMeta],
    kept: ScoreMode | None,
) -> None:
    """Replace the scores of one mode; of the other mode only those that are named in `kept` stay.

    Args:
        folder: the run folder, whose lock the caller holds.
        mode: whose scores are given.
        scores: in order.
        describe: how they were made; called when all were read.
        kept: the other mode, where its scores are of the same rows.

    Raises:
        StorageError: the disk refused; the old files still stand.
    """
    path, before = folder / SCORES_NAME, read_meta(folder)
    replaced = digest_file(path) if path.exists() else ""
    with open_atomically(path) as writer:
        for one in MODES:
            for score in scores if one == mode else _read_mode(folder, one) if one == kept else ():
                writer.write(score.model_dump())
        found: dict[ScoreMode, ScoringMeta] = {kept: before.modes[kept]} if before and kept else {}
        found[mode] = describe()
        modes = {one: found[one] for one in MODES if one in found}
        meta = ScoresMeta(evol_version=__version__, sha256=writer.sha256, replaces_sha256=replaced, modes=modes)
        write_atomically(folder / META_NAME, orjson.dumps(meta.model_dump(mode="json"), option=orjson.OPT_INDENT_2))


def find_kept_mode(folder: Path, manifest: Manifest, mode: ScoreMode) -> ScoreMode | None:
    """The mode beside `mode` whose scores are there and speak of the rows as they are now."""
    path, meta = folder / SCORES_NAME, read_meta(folder)
    if meta is None or not path.exists() or digest_file(path) != meta.sha256:
        return None
    files = list_row_files(manifest)
    return next((other for other, made in meta.modes.items() if other != mode and made.files == files), None)


def read_difficulty(folder: Path, manifest: Manifest) -> dict[str, DifficultyStats]:
    """Mean and distribution of the scores by mode and generation; empty where nothing was scored.

    Raises:
        FolderError: the scores are not what `evol score` wrote.
    """
    path = folder / SCORES_NAME
    if not path.exists():
        return {}
    meta = read_meta(folder)
    if meta is None or digest_file(path) != meta.sha256:
        raise FolderError(f"{path}: not what `evol score` wrote", f"{AGAIN}, or remove the file")
    files = list_row_files(manifest)
    found: dict[str, DifficultyStats] = {}
    for mode, made in meta.modes.items():
        ratings: defaultdict[int, Counter[float]] = defaultdict(Counter)
        for score in _read_mode(folder, mode):
            ratings[score.generation][score.score] += 1
        found[mode] = DifficultyStats(
            model=made.model,
            sample=made.sample,
            is_current=made.files == files,
            generations={
                name: _summarise(ratings[int(name)], count, PAPER_DIFFICULTY.get(int(name)))
                for name, count in made.counts.items()
            },
        )
    return found


def read_scores(folder: Path) -> Iterator[Score]:
    """Yield all scores of a folder, none where there are none; `read_difficulty` has checked the file's digest.

    Raises:
        FolderError: a line that is no score.
    """
    path = folder / SCORES_NAME
    with contextlib.suppress(FileNotFoundError), open_plain(path) as file:
        for number, line in enumerate(file, 1):
            try:
                score = Score.model_validate_json(line)
            except ValidationError:
                score = None
            if score is None or not LOWEST <= score.score <= HIGHEST:
                raise FolderError(f"{path}:{number}: not a score", f"{AGAIN}, or remove the file")
            yield score


def _read_mode(folder: Path, mode: ScoreMode) -> Iterator[Score]:
    return (score for score in read_scores(folder) if score.mode == mode)


def _summarise(ratings: Counter[float], count: ScoringCount, paper: float | None) -> GenerationDifficulty:
    distribution = dict.fromkeys(map(str, range(LOWEST, HIGHEST + 1)), 0)
    for rating, rows in ratings.items():
        distribution[str(int(rating + 0.5))] += rows
    total = ratings.total()
    mean = sum(rating * rows for rating, rows in ratings.items()) / total if total else None
    return GenerationDifficulty(
        rated=total,
        unclear=count.unclear,
        missing=count.missing,
        mean=None if mean is None else round(mean, 4),
        distribution=distribution,
        paper=paper,
    )
