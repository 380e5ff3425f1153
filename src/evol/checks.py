"""Everything that is checked before a run touches its folder or pays for a call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from evol import __version__
from evol.config import RunConfig, load_config
from evol.errors import FolderError, StorageError
from evol.files import data_folder
from evol.folder import (
    MANIFEST_NAME,
    check_outputs,
    find_foreign_output,
    read_manifest,
    require_manifest,
    serialise_seed,
)
from evol.journal import has_calls
from evol.packs import Pack, find_pack, load_pack
from evol.records import Manifest, Seed, SeedsSource, Shard
from evol.seeds import SeedTally, read_seeds
from evol.shards import PositionPacker, parse_shard


@dataclass(frozen=True)
class Checked:
    """A run whose inputs are all valid; nothing was touched yet.

    Attributes:
        config: resolved.
        pack: loaded.
        seeds: path, count and digest; of a shard those of its own.
        tally: what reading the seeds left out.
        folder: the run folder, which may not exist.
        fingerprint: what the folder must agree with.
        existing: the folder's manifest, None for a new one.
        is_again: everything is as the folder's manifest says; its seeds stand in the folder.
        shard: which part of the seeds it is, None for all of them.
    """

    config: RunConfig
    pack: Pack
    seeds: SeedsSource
    tally: SeedTally
    folder: Path
    fingerprint: dict[str, Any]
    existing: Manifest | None
    is_again: bool = False
    shard: Shard | None = None

    def read_seeds(self) -> Iterator[Seed]:
        """Yield the run's seeds from their file, those of its shard alone."""
        return (seed for _, seed, is_own in _sort_seeds(self.config, SeedTally()) if is_own)

    @property
    def seeds_path(self) -> Path:
        """The seeds file."""
        return Path(self.seeds.path)

    @property
    def eliminator(self) -> dict[str, Any]:
        """What decides about eliminations, for the manifest."""
        return {
            **self.config.eliminator.model_dump(mode="json"),
            "judge": self.config.judge_scope,
            "labels": list(self.pack.labels),
        }

    @property
    def is_done(self) -> bool:
        """Whether the folder already holds, byte for byte, what this run would make."""
        manifest = self.existing
        return (
            manifest is not None
            and manifest.status == "done"
            and manifest.evol_version == __version__
            and manifest.generations == self.config.generations
            and manifest.seeds.sha256 == self.seeds.sha256
            and manifest.shard == self.shard
            and manifest.settings.get("seed_responses") == self.config.seed_responses
            and manifest.eliminator == self.eliminator
            and not _outputs_differ(self.folder, manifest)
        )


def check_run(config: RunConfig) -> Checked:
    """Validate seeds, pack and folder before anything is touched or paid.

    Raises:
        SeedError: a fault in the seeds file.
        PackError: a fault in the pack.
        FolderError: the folder is damaged, was made with other settings, or holds files that are not ours.
    """
    pack_folder = find_pack(config.pack)
    if not pack_folder.is_relative_to(data_folder("prompts")):
        config = config.model_copy(update={"pack": str(pack_folder.absolute())})  # stats may run elsewhere
    pack = load_pack(config.pack, config.prompt_variant, config.evolver.weights, config.evolver.breadth_share)
    tally = SeedTally()
    source, shard = _survey_seeds(config, tally)
    folder = Path(config.out)
    try:
        is_file = folder.exists() and not folder.is_dir()
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}", "check --out") from None
    if is_file:
        raise FolderError(f"{folder}: a file, not a folder", "name another place with --out")
    if foreign := find_foreign_output(folder):
        raise FolderError(
            f"{foreign}: not written by a run (there is no {MANIFEST_NAME})", "name another folder with --out"
        )
    existing = read_manifest(folder)
    _refuse_other_shard(folder, existing, config.shard)
    fingerprint = config.fingerprint(pack.digests())
    if existing is not None and has_calls(folder):
        refuse_other_settings(folder, existing.fingerprint, fingerprint)
        fingerprint = {**existing.fingerprint, **fingerprint}
    return Checked(config, pack, source, tally, folder, fingerprint, existing, shard=shard)


def _sort_seeds(config: RunConfig, tally: SeedTally) -> Iterator[tuple[int, Seed, bool]]:
    """Yield (position, seed, whether this run evolves it) of the whole list."""
    spec = parse_shard(config.shard) if config.shard else None
    for position, seed in enumerate(read_seeds(_find_seeds(config), config.limit, tally)):
        yield position, seed, spec is None or spec.owns(seed.id)


def _find_seeds(config: RunConfig) -> Path:
    return Path(config.seeds) if config.seeds else data_folder("seeds") / "starter.jsonl"


def _survey_seeds(config: RunConfig, tally: SeedTally) -> tuple[SeedsSource, Shard | None]:
    """Read all seeds once: what this run evolves, and of a shard its place in the whole list."""
    own, everything, packer = hashlib.sha256(), hashlib.sha256(), PositionPacker()
    for position, seed, is_own in _sort_seeds(config, tally):
        line = serialise_seed(seed) + b"\n"
        if config.shard:
            everything.update(line)
        if is_own:
            own.update(line)
            packer.add(position)
    source = SeedsSource(path=str(_find_seeds(config)), count=packer.count, sha256=own.hexdigest())
    if not config.shard:
        return source, None
    spec = parse_shard(config.shard)
    return source, Shard(
        index=spec.index,
        count=spec.count,
        positions=packer.freeze(),
        all_seeds=tally.count,
        all_sha256=everything.hexdigest(),
    )


def _refuse_other_shard(folder: Path, existing: Manifest | None, wanted: str) -> None:
    """A folder stays what it is: all seeds, or one shard of them."""
    if existing is None or not (has_calls(folder) or existing.status == "done"):
        return
    before, now = (f"shard {spec}" if spec else "all seeds" for spec in (str(existing.shard or ""), wanted))
    if before != now:
        raise FolderError(
            f"{folder}: holds {before}, not {now}", "give each shard a folder of its own with --out, and keep to it"
        )


def find_differences(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Old and new value, shortened, of every setting that differs, by dotted name; a key that one lacks is none."""
    before, after = _flatten({key: old[key] for key in old.keys() & new.keys()}), _flatten(new)
    shared = {name for name in before.keys() | after.keys() if name.split(".")[0] in old.keys() & new.keys()}
    differing = sorted(name for name in shared if before.get(name) != after.get(name))
    return {name: (_shorten(before.get(name)), _shorten(after.get(name))) for name in differing}


def check_again(folder: Path) -> Checked:
    """A run as its folder remembers it: its own settings, its own seeds.

    Raises:
        FolderError: not the folder of a run, or its prompt pack has changed since.
        PackError: its prompt pack is gone.
    """
    manifest = require_manifest(folder)
    config = RunConfig.model_validate_json(orjson.dumps(manifest.settings)).model_copy(update={"out": str(folder)})
    pack = load_pack(config.pack, config.prompt_variant, config.evolver.weights, config.evolver.breadth_share)
    fingerprint = config.fingerprint(pack.digests())
    refuse_other_settings(folder, manifest.fingerprint, fingerprint)
    fingerprint = {**manifest.fingerprint, **fingerprint}
    return Checked(
        config, pack, manifest.seeds, SeedTally(), folder, fingerprint, manifest, is_again=True, shard=manifest.shard
    )


def change_settings(folder: Path, flags: dict[str, Any]) -> RunConfig:
    """The configuration of a run as its folder remembers it, but for what these flags say.

    Raises:
        FolderError: not the folder of a run.
        ConfigError: an impossible value.
    """
    given = load_config(None, flags)
    remembered = RunConfig.model_validate_json(orjson.dumps(require_manifest(folder).settings))
    return remembered.model_copy(update={"out": str(folder)} | {name: getattr(given, name) for name in flags})


def refuse_other_settings(place: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Refuse settings that would change requests already made; a part only one side has is no difference.

    Raises:
        FolderError: names the place and the settings that differ.
    """
    if differing := find_differences(old, new):
        shown = "; ".join(f"{name} was {was}, now {now}" for name, (was, now) in list(differing.items())[:4])
        raise FolderError(
            f"{place}: made with other settings ({shown})", "use those settings, or name another place with --out"
        )


def _flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat |= _flatten(inner, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 24 else f"{text[:12]}…{text[-6:]}"


def _outputs_differ(folder: Path, manifest: Manifest) -> bool:
    try:
        check_outputs(folder, manifest)
    except FolderError:
        return True  # the projection restores them
    return False
