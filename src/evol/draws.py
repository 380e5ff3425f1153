"""Every random draw of this package: a hash of what it is for, never a shared stream.

So a draw does not depend on concurrency, completion order, kills or the number of seeds (design, promise 2).
"""

from __future__ import annotations

import hashlib
import struct


def draw_integer(random_seed: int, *purpose: str | int) -> int:
    """A uniform integer in [0, 2**64) that is a function of its arguments alone.

    Args:
        random_seed: the run's `--random-seed`.
        purpose: what is drawn for whom, e.g. ("operation", seed id, generation).
    """
    # each part carries its length, so that ("a", "bc") and ("ab", "c") differ
    text = "".join(f"{len(str(part))}:{part}" for part in (random_seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def draw_fraction(random_seed: int, *purpose: str | int) -> float:
    """A uniform number in [0, 1); see `draw_integer`."""
    return (draw_integer(random_seed, *purpose) >> 11) / (1 << 53)


def draw_sample(random_seed: int, count: int, *purpose: str | int) -> list[int]:
    """`count` places out of 0 … count - 1, drawn with replacement: one bootstrap resample of `count` things.

    One hash gives all of them (SHAKE-256, 32 bits a place), for resamples are drawn by the thousand.
    """
    key = draw_integer(random_seed, *purpose).to_bytes(8, "big")
    words = struct.unpack(f"<{count}I", hashlib.shake_256(key).digest(4 * count))
    return [word * count >> 32 for word in words]
