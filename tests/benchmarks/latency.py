"""How long a fake endpoint works on a request: a function of the body, so that the sum over a run is known."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from statistics import NormalDist

_NORMAL = NormalDist()


@dataclass(frozen=True)
class Latency:
    """Service times: log-normal with this mean and sigma, constant where sigma is 0.

    Attributes:
        mean: seconds.
        sigma: standard deviation of the logarithm.
    """

    mean: float
    sigma: float = 0.0

    def draw(self, body: bytes) -> float:
        """Seconds of service for this request body; the same body always takes the same time."""
        if not self.sigma or not self.mean:
            return self.mean
        digest = hashlib.blake2b(body, digest_size=8).digest()
        fraction = ((int.from_bytes(digest, "big") >> 12) + 0.5) / 2**52  # exact, so never 0 or 1
        location = math.log(self.mean) - self.sigma**2 / 2
        return math.exp(location + self.sigma * _NORMAL.inv_cdf(fraction))
