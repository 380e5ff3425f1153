"""How far vectors lie apart: mean distance and the Vendi score. Pure."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
"""A row for each text."""


def normalise(vectors: Vectors) -> Vectors:
    """The same directions, each of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Vectors = (vectors / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return found


def measure_distance(vectors: Vectors) -> float | None:
    """Mean cosine distance of all pairs of different rows, 0 to 2; None below two rows.

    Args:
        vectors: of length 1. The products of all pairs follow from the sum of the rows, so this is linear in them.
    """
    count = len(vectors)
    if count < 2:
        return None
    exact = vectors.astype(np.float64)
    total = exact.sum(axis=0)
    products = float(total @ total) - float((exact * exact).sum())
    return 1 - products / (count * (count - 1))


def measure_vendi(vectors: Vectors) -> float | None:
    """The Vendi score of the rows' cosine similarities (arXiv 2210.02410); None without rows.

    It is the exponential of the entropy of the eigenvalues of K / n, K the n x n similarities. Those of X^T X / n, as
    many as a row has columns, are the same but for zeros: whichever matrix is smaller is taken.

    Args:
        vectors: of length 1.
    """
    count, dimensions = vectors.shape
    if not count:
        return None
    exact = vectors.astype(np.float64)
    gram = exact.T @ exact if dimensions < count else exact @ exact.T
    values = np.linalg.eigvalsh(gram / count)
    values = values[values > 1e-12]
    if not len(values):  # zeros alone: they are alike
        return 1.0
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
