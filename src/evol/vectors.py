"""Vectors of texts, kept in the run folder so that no text is embedded twice: `embeddings-<model>-<digest>.jsonl`.

A line is `{"model":…,"text":<sha256 of the text>,"vector":[…]}`; there is a file for each model and place. Lines are
appended batch by batch, each written whole and synced before the next is asked for: a kill loses the batch in flight.
A torn last line is cut off; any other bad line is an error that names it. The files are no part of a run's outputs:
`evol run` and `evol merge` neither read nor check them, and they may be removed at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import orjson

from evol.errors import FolderError
from evol.files import lock_file, translate_storage_errors
from evol.spread import Vectors

BATCH = 64
"""Texts of a request."""

_LINE = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


class Embedder(Protocol):
    """Who makes vectors."""

    label: str
    """The model, and where it is asked; vectors of one label are comparable."""
    cut: int
    """Texts that were cut to fit the model, so far."""
    tokens: int
    """That were taken so far, as far as the server tells."""

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text, all of one length.

        Raises:
            EndpointError: it cannot be done.
        """
        ...


def name_file(label: str) -> str:
    """The file's name: the model readable as far as a name allows, made unique by a digest."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", label.partition(" ")[0]).strip("-.")[:40]
    return f"embeddings-{readable or 'model'}-{hashlib.sha256(label.encode()).hexdigest()[:12]}.jsonl"


def embed_all(
    folder: Path, embedder: Embedder, texts: Sequence[str], begin: Callable[[int], Callable[[int], object]]
) -> Vectors:
    """The vectors of texts, from the folder's file as far as it has them.

    Args:
        folder: where the file stands.
        embedder: makes what is missing.
        texts: may repeat.
        begin: is told how many texts are missing, and returns what is told of each batch how many it had.

    Raises:
        EndpointError: the endpoint or the model cannot be used; the batches before are kept.
        FolderError: the file is damaged.
        FolderInUse: another process writes it.
        StorageError: the disk refused.
    """
    digests = [hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() for text in texts]
    by_digest = dict(zip(digests, texts, strict=True))
    path = folder / name_file(embedder.label)
    with lock_file(path, path), _removed_if_empty(path):
        found = {digest: vector for digest, vector in _read(path) if digest in by_digest}
        missing = [digest for digest in by_digest if digest not in found]
        advance = begin(len(missing))
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            made = np.array(embedder.embed([by_digest[digest] for digest in batch]), dtype=np.float32)
            lines = [
                orjson.dumps({"model": embedder.label, "text": digest, "vector": vector}, option=_LINE)
                for digest, vector in zip(batch, made, strict=True)
            ]
            with translate_storage_errors(path), path.open("ab") as file:
                file.write(b"".join(lines))
                file.flush()
                os.fsync(file.fileno())
            found |= dict(zip(batch, made, strict=True))
            advance(len(batch))
    if len({len(vector) for vector in found.values()}) > 1:
        raise FolderError(f"{path}: vectors of different lengths", "the model changed under its name; remove the file")
    return np.stack([found[digest] for digest in digests])


@contextlib.contextmanager
def _removed_if_empty(path: Path) -> Iterator[None]:
    """Leave no file behind where nothing came."""
    try:
        yield
    finally:
        if not path.stat().st_size:
            path.unlink()


def _read(path: Path) -> Iterator[tuple[str, Vectors]]:
    """Yield the vectors of a file; the caller holds it. Cuts a torn last line off."""
    with translate_storage_errors(path), path.open("r+b") as file:
        end = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break
            end += len(line)
            try:
                row = orjson.loads(line)
                vector = np.array(row["vector"], dtype=np.float32)
                if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
                    raise ValueError  # noqa: TRY301 - as bad as no vector
                yield str(row["text"]), vector
            except (ValueError, TypeError, KeyError):
                raise FolderError(f"{path}:{number}: not a vector", "remove the line, or the file") from None
        file.truncate(end)
