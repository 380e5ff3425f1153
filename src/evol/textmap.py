"""Texts as points in the plane, with scikit-learn: vectors without a model, a flat map of vectors, clusters of the map.

The vectors are those of words and of letter sequences inside them, weighed by TF-IDF and reduced by a singular value
decomposition: texts that share words lie near, texts that mean the same in other words do not. The map is t-SNE and its
clusters are k-means, as in the appendix of the WizardLM paper. Every start is fixed and one thread computes, so that
the same vectors give the same map on the same kind of processor (t-SNE makes much of the last bit); threads of a busy
machine would also spin longer than they work.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from evol.spread import Vectors, normalise
from evol.words import split_words

DIMENSIONS = 256
"""Of the vectors without a model, at most."""
NAME = "words and letter sequences, without a model (TF-IDF and SVD)"

_PERPLEXITY = 30
_FEWEST_FOR_TSNE = 10


def vectorise(texts: list[str]) -> Vectors:
    """Vectors of length 1 without a model, at most DIMENSIONS long.

    Args:
        texts: any, in any script; at least three.
    """
    weights = TfidfVectorizer(analyzer=_split, sublinear_tf=True, dtype=np.float32).fit_transform(texts)
    dimensions = min(DIMENSIONS, len(texts), weights.shape[1])
    if dimensions < 2:
        return np.ones((len(texts), 1), dtype=np.float32)
    with np.errstate(invalid="ignore"), threadpool_limits(1):  # equal texts have no variance to explain
        return normalise(TruncatedSVD(dimensions, random_state=0).fit_transform(weights))


def flatten(vectors: Vectors) -> Vectors:
    """Place vectors in the plane, both coordinates from -1 to 1; equal vectors have one place."""
    different, places = np.unique(vectors.round(6), axis=0, return_inverse=True)
    count = len(different)
    if count < _FEWEST_FOR_TSNE:
        found = np.zeros((count, 2), dtype=np.float32)
        axes = min(2, count - 1, different.shape[1])
        if axes:
            found[:, :axes] = PCA(axes, svd_solver="full").fit_transform(different)
    else:
        perplexity = min(_PERPLEXITY, (count - 1) / 3)
        with threadpool_limits(1):
            found = TSNE(2, perplexity=perplexity, init="pca", max_iter=500, random_state=0).fit_transform(different)
    found = found - (found.min(axis=0) + found.max(axis=0)) / 2
    points: Vectors = (found / (np.abs(found).max() or 1.0))[places.reshape(-1)].round(4).astype(np.float32)
    return points


def find_clusters(points: Vectors, most: int) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Clusters by k-means.

    Args:
        points: of the map.
        most: clusters; fewer where there are fewer different points.

    Returns:
        The cluster of each point, numbered from 0 by size, the largest first; and the clusters' centres.
    """
    count = min(most, len(np.unique(points, axis=0)))
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer clusters than asked for are no fault
        found = KMeans(count, n_init=4, random_state=0).fit(points)
    sizes = np.bincount(found.labels_, minlength=count)
    order = np.argsort(-sizes, kind="stable")
    return np.argsort(order)[found.labels_], found.cluster_centers_[order[: np.count_nonzero(sizes)]]


def _split(text: str) -> list[str]:
    """Words, and runs of three characters inside them; the text itself where it has none."""
    found = []
    for word in split_words(text):
        found.append(word)
        found += [f"#{word[start : start + 3]}" for start in range(len(word) - 2)]
    return found or [text]
