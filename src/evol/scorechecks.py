"""Everything that is checked before `evol score` touches its folder or pays for a call."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evol.config import LimitsConfig, ModelConfig, load_config
from evol.errors import FolderError, FolderInUse
from evol.figures import ScoreMode
from evol.files import is_locked
from evol.folder import check_outputs, require_manifest
from evol.journal import JOURNAL_NAME
from evol.rating import Rater, Selection, Workload, select_sample
from evol.records import Manifest
from evol.rows import RowDict, read_lineages
from evol.scorer import load_score_prompts
from evol.scores import check_target


@dataclass(frozen=True)
class CheckedScoring:
    """A scoring whose inputs are all valid; nothing was touched yet.

    Attributes:
        folder: the run folder.
        manifest: the run's.
        rater: who rates, and how.
        limits: of the calls.
        selection: which rows.
        work: what that comes to.
        sample: N of `--sample`, None for all rows.
    """

    folder: Path
    manifest: Manifest
    rater: Rater
    limits: LimitsConfig
    selection: Selection
    work: Workload
    sample: int | None

    def list_tasks(self) -> Iterator[tuple[int, list[RowDict]]]:
        """Yield the rows that share a prompt, with their lineage's place."""
        return self.selection.list_tasks(_read_survivors(self.folder, self.manifest))


def check_scoring(
    folder: Path,
    config: Path | None,
    model: dict[str, Any],
    limits: dict[str, Any],
    mode: ScoreMode,
    sample: int | None,
) -> CheckedScoring:
    """Validate folder and settings.

    With a config its `[models.scorer]`, which inherits from `[models.default]`, rates, and its `[limits]` hold. Without
    one the scorer is that of the run's own config, else the run's judge, and the run's limits hold.

    Args:
        folder: the run folder.
        config: the file of `--config`, or None.
        model: what flags say of the scorer: `model`, `base_url`.
        limits: what flags say of the limits.
        mode: one by one, or jointly.
        sample: rows of each generation (jointly: lineages), None for all.

    Raises:
        FolderInUse: a run is going on.
        FolderError: no folder of a run, or one without whole outputs.
        ConfigError: a setting is wrong.
        UsageError: a file in the way that evol did not write.
    """
    manifest = require_manifest(folder)
    if manifest.status == "running":
        if is_locked(folder):
            raise FolderInUse(f"{folder}: a run is going on", "wait until it ends")
        raise FolderError(f"{folder}: the run was killed before it wrote its files", "run the same `evol run` again")
    check_outputs(folder, manifest)
    if not (folder / JOURNAL_NAME).exists():
        raise FolderError(f"{folder / JOURNAL_NAME}: no such file", "restore it from a copy; what is paid stands there")
    check_target(folder)
    base, base_limits = ({}, {}) if config else inherit_settings(manifest.settings, model)
    loaded = load_config(config, {"models": {"scorer": base | model}, "limits": base_limits | limits})
    assert loaded.scorer_model is not None  # noqa: S101 - its table is among the flags
    random_seed = int(manifest.settings.get("random_seed", 0))
    rater = Rater(loaded.scorer_model, mode, load_score_prompts(mode), random_seed)
    lineages = functools.partial(_read_survivors, folder, manifest)
    selection = Selection(mode, random_seed) if sample is None else select_sample(lineages(), mode, random_seed, sample)
    work = Workload.of(selection.list_tasks(lineages()), rater.prompts)
    return CheckedScoring(folder, manifest, rater, loaded.limits, selection, work, sample)


def inherit_settings(settings: dict[str, Any], model: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The scorer and the limits of a run's own settings, as tables of a config.

    Args:
        settings: as they stand in the manifest.
        model: what flags say of the scorer, which may make the run's own model unfit as a base.
    """
    own = settings.get("scorer_model")
    base = _drop_none(own or settings.get("judge_model") or {})
    if not own:
        base.pop("backend", None)  # who scores wants to see it today
    sampling = base.get("sampling", {})
    if not own and sampling.get("temperature") is not False:  # the judge's is not meant for ratings
        base["sampling"] = {key: value for key, value in sampling.items() if key != "temperature"}
    before = base.get("model", "")
    name = model.get("model", before)
    if name != before:
        base.pop("price", None)
        if _is_local(name) != _is_local(before):
            base = {}  # nothing of the one kind fits the other
    return base, _drop_none(settings.get("limits") or {})


def _is_local(name: str) -> bool:
    return ModelConfig(model=name).is_local


def _drop_none(table: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if value is not None}


def _read_survivors(folder: Path, manifest: Manifest) -> Iterator[list[RowDict]]:
    return read_lineages(folder, manifest.generations, with_eliminated=False)
