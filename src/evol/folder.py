"""The run folder: names of its files, its manifest, its normalised seeds, and whether its outputs are whole.

`.seeds.jsonl` holds the seeds of the last run, normalised, so that replaying a folder needs no other file. It is
written before the first call and stands until the next run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
from pydantic import ValidationError

from evol.config import RunConfig
from evol.errors import FolderError, StorageError
from evol.files import digest_file, open_atomically, read_lines, read_plain, write_atomically
from evol.packs import Pack, load_pack
from evol.records import MANIFEST_FORMAT, Manifest, Seed

MANIFEST_NAME = "manifest.json"
MAX_MANIFEST_BYTES = 64 << 20
"""A longer one is none: the places of a hundred million seeds of a shard take less."""
SEEDS_NAME = ".seeds.jsonl"
ELIMINATED_NAME = "eliminated.jsonl"


def generation_name(generation: int) -> str:
    """File name of one generation's rows."""
    return f"generation-{generation}.jsonl"


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a run folder, None where there is none.

    Raises:
        FolderError: damaged, or of a newer evol.
        StorageError: it cannot be read.
    """
    path = folder / MANIFEST_NAME
    try:
        content = read_plain(path, MAX_MANIFEST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}", "check --out and the folder's permissions") from None
    try:
        if len(content) > MAX_MANIFEST_BYTES:
            raise ValueError("too long")  # noqa: TRY301 - as bad as no manifest
        found = orjson.loads(content)
        if isinstance(found, dict) and isinstance(found.get("format"), int) and found["format"] > MANIFEST_FORMAT:
            raise FolderError(f"{path}: written by evol {found.get('evol_version')}", "use that version or a newer one")
        return Manifest.model_validate_json(content)
    except (ValidationError, ValueError):
        raise FolderError(f"{path}: damaged", "restore it from a copy, or start in another folder") from None


def require_manifest(folder: Path) -> Manifest:
    """The manifest of a folder that must be a run's.

    Raises:
        FolderError: there is none, or it is damaged.
    """
    manifest = read_manifest(folder) if folder.is_dir() else None
    if manifest is None:
        raise FolderError(f"{folder}: not the folder of a run (no {MANIFEST_NAME})", "name one that `evol run` wrote")
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest, whole or not at all."""
    content = orjson.dumps(manifest.model_dump(mode="json"), option=orjson.OPT_INDENT_2)
    write_atomically(folder / MANIFEST_NAME, content)


def write_seeds(folder: Path, seeds: Iterator[Seed]) -> str:
    """Store the normalised seeds; their digest."""
    with open_atomically(folder / SEEDS_NAME) as writer:
        for seed in seeds:
            writer.write_line(serialise_seed(seed))
    return writer.sha256


def read_seeds_again(folder: Path) -> Iterator[Seed]:
    """Yield the normalised seeds of a folder.

    Raises:
        FolderError: missing or damaged.
    """
    path = folder / SEEDS_NAME
    for number, line in read_lines(path, FolderError, is_ours=True):
        try:
            yield Seed.model_validate(orjson.loads(line))
        except ValueError:  # no JSON, or no seed
            raise FolderError(f"{path}:{number}: not a seed", "run the same `evol run` again to restore it") from None


def serialise_seed(seed: Seed) -> bytes:
    """A seed as a line of `.seeds.jsonl`; the digest of the seeds is over these lines.

    `skill` and `language` stand in a line only where the seed has them, so that the digest of seeds without is as ever.
    """
    line = {"id": seed.id, "instruction": seed.instruction, "response": seed.response}
    line |= {key: value for key, value in (("skill", seed.skill), ("language", seed.language)) if value}
    return orjson.dumps(line)


def find_foreign_output(folder: Path) -> Path | None:
    """A file in the way: an output name in a folder that has no manifest."""
    if (folder / MANIFEST_NAME).exists():
        return None
    paths = [folder / "journal.jsonl", folder / ELIMINATED_NAME, *sorted(folder.glob("generation-*.jsonl"))]
    # an empty journal is what a run leaves that was killed before it wrote its manifest
    return next((path for path in paths if path.exists() and path.stat().st_size), None)


def load_settings(folder: Path, manifest: Manifest) -> tuple[RunConfig, Pack]:
    """Configuration and prompt pack of a folder, for a replay of its journal.

    Raises:
        FolderError: the pack is not what it was, so no call would be found.
        PackError: the pack is gone.
    """
    try:
        config = RunConfig.model_validate_json(orjson.dumps(manifest.settings))
    except ValidationError:
        raise FolderError(f"{folder / MANIFEST_NAME}: damaged settings", "restore it from a copy") from None
    pack = load_pack(config.pack, config.prompt_variant, config.evolver.weights, config.evolver.breadth_share)
    if any(
        manifest.fingerprint.get(role, {}).get("prompts", digest) != digest for role, digest in pack.digests().items()
    ):
        raise FolderError(
            f"{folder}: the prompt pack changed since the run began", "restore it, or finish the run first"
        )
    return config, pack


def check_outputs(folder: Path, manifest: Manifest) -> None:
    """Compare every output file with the manifest.

    Raises:
        FolderError: a file is missing or is not what was written; names it.
    """
    names = [*(generation_name(number) for number in range(manifest.generations + 1)), ELIMINATED_NAME]
    for name in names:
        path = folder / name
        expected = manifest.files.get(name)
        if expected is None:
            raise FolderError(f"{folder / MANIFEST_NAME}: does not know {name}", "run the same `evol run` again")
        try:
            actual = digest_file(path)
        except OSError as error:
            raise FolderError(f"{path}: {error.strerror}", "run the same `evol run` again to restore it") from None
        if actual != expected.sha256:
            raise FolderError(
                f"{path}: not what `evol run` wrote", "run the same `evol run` again to restore it, or use a copy"
            )
