"""A flat map of texts that needs no model: hashed word and character n-gram TF-IDF, projected on its two main axes.

Near points share words and spelling, not necessarily meaning. Linear (a principal component analysis by singular value
decomposition), deterministic, in about 16 KB a text.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BUCKETS = 4096
MOST_CHARS = 4000
"""Of a text; the rest would hardly move its point."""

_SWEEPS = 30
_WORD = re.compile(r"\w+")


def project(texts: Sequence[str]) -> tuple[list[tuple[float, float]], float]:
    """Place texts in the plane.

    Args:
        texts: any, in any script; at least three.

    Returns:
        A point for each text, both coordinates in [-1, 1], and the share of the variance that the two axes show.
    """
    vectors = _vectorise(texts)
    vectors -= vectors.mean(axis=0)
    axes = _find_axes(vectors)
    points = vectors @ axes.T
    # the sign of an axis is arbitrary: most of the texts' weight goes right and up
    points *= np.where((points**3).sum(axis=0) < 0, -1, 1)
    total = float((vectors**2).sum())
    share = float((points**2).sum()) / total if total else 0.0
    points /= np.abs(points).max() or 1.0
    return [(round(float(x), 4), round(float(y), 4)) for x, y in points], share


def _vectorise(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    counts = np.zeros((len(texts), BUCKETS), dtype=np.float32)
    for row, text in enumerate(texts):
        for bucket, count in Counter(map(_hash, _split(text[:MOST_CHARS].lower()))).items():
            counts[row, bucket] = count
    weights = np.log((1 + len(texts)) / (1 + (counts > 0).sum(axis=0))).astype(np.float32)
    vectors: npt.NDArray[np.float32] = np.log1p(counts) * weights
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors /= np.where(norms > 0, norms, 1)
    return vectors


def _split(text: str) -> list[str]:
    """Words, and runs of three characters inside them, or of two in scripts that write without spaces."""
    features = []
    for word in _WORD.findall(text):
        length = 2 if word[0] > "\u2e7f" else 3
        features.append(word)
        features += [f"#{word[start : start + length]}" for start in range(len(word) - length + 1)]
    return features


def _hash(feature: str) -> int:
    return zlib.crc32(feature.encode("utf-8", "replace")) % BUCKETS


def _find_axes(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The first two right singular vectors, by subspace iteration from a fixed start."""
    start = np.cos(np.arange(BUCKETS * 6, dtype=np.float32) ** 1.5).reshape(BUCKETS, 6)
    basis, _ = np.linalg.qr(start)
    for _ in range(_SWEEPS):
        basis, _ = np.linalg.qr(vectors.T @ (vectors @ basis))
    _, _, turned = np.linalg.svd(vectors @ basis, full_matrices=False)
    axes: npt.NDArray[np.float32] = (turned[:2] @ basis.T).astype(np.float32)
    return axes
