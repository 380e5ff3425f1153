"""A uniform sample of things of different sizes under a limit in bytes: by hash, in one pass and bounded memory."""

from __future__ import annotations

import heapq

from evol.draws import draw_integer


def draw_place(purpose: str, name: str) -> int:
    """A thing's place in the order in which a purpose takes things; the same for all samples of that purpose."""
    return draw_integer(0, "sample", purpose, name)


class HashSample:
    """Keeps as many of the things with the smallest hashes as fit; order and number of the others change nothing.

    Args:
        limit: bytes of all that is kept.
        purpose: what is sampled; samples of different purposes are independent.
    """

    def __init__(self, limit: int, purpose: str) -> None:
        self._limit = limit
        self._purpose = purpose
        self._heap: list[tuple[int, int, bytes, int]] = []  # greatest hash first
        self._bytes = 0
        self._bound = 1 << 64
        self.seen = 0

    def wants(self, name: str) -> bool:
        """Count a thing; whether it could still be kept, so that the others need not be made ready.

        Args:
            name: of the thing, unique.
        """
        self.seen += 1
        return self._draw(name) < self._bound

    def add(self, name: str, position: int, content: bytes, more: int = 0) -> None:
        """Offer a wanted thing.

        Args:
            name: as given to `wants`.
            position: its place in the result.
            content: what is kept.
            more: bytes that belong to it and are kept elsewhere.
        """
        heapq.heappush(self._heap, (-self._draw(name), position, content, len(content) + more))
        self._bytes += len(content) + more
        while self._bytes > self._limit:
            draw, _, _, size = heapq.heappop(self._heap)
            self._bytes -= size
            # nothing above the smallest hash that did not fit may come in, or the sample would favour small things
            self._bound = -draw

    def contents(self) -> list[bytes]:
        """What was kept, by position."""
        return [content for _, content in sorted((position, content) for _, position, content, _ in self._heap)]

    def _draw(self, name: str) -> int:
        return draw_place(self._purpose, name)
