"""Does slowing down help? Some servers refuse a few requests at any pace, and a pace that flees them ends near nothing.

A pace is compared with one that was faster by a third or more: where more than half the share of refusals is left,
the refusals are none of its making. They are borne from then on, until there are three times as many. Refusals between
which nothing passes are those of a limit or an outage, and never taken for such. Pure.
"""

from __future__ import annotations


class Slowing:
    """Tells whether slowing down helps: whether a slower pace is refused less often.

    Attributes:
        granted: requests since the last judgement.
        refused: the same.
        is_useless: as it was judged.
    """

    EPISODES = 8  # that are judged together
    SLOWER = 0.75  # of a pace: slow enough to be compared with it
    HELPED = 0.5  # of the share of refusals: where more are left, slowing down has not helped
    FAR_MORE = 3.0  # times the share that is borne
    MOST = 0.15  # that is ever borne
    SLACK = 3.0  # times what is sent: a pace that holds nothing back

    def __init__(self) -> None:
        self.is_useless = False
        self.granted = self.refused = 0
        self._granted_before = -1  # the last episode
        self._episodes = 0
        self._rate = 0.0  # when these episodes began
        self._faster: tuple[float, float] | None = None  # a pace, and the share that was refused
        self._borne = 0.0
        self._restored = 0.0

    def judge(self, rate: float | None) -> bool:
        """An episode of refusals begins; whether slowing down is useless.

        Args:
            rate: the pace so far, None while free.
        """
        is_blocked, self._granted_before = self.granted == self._granted_before, self.granted
        if is_blocked and not self.is_useless:  # nothing passes: a limit or an outage, not a few here and there
            self._faster = None
            self._begin()
            return False
        self._episodes += 1
        if rate and not self._rate:
            self._rate = rate
        if self._episodes < self.EPISODES:
            return self.is_useless
        share = self.refused / (self.refused + self.granted)
        if self.is_useless:
            self.is_useless = share <= min(self._borne * self.FAR_MORE, self.MOST)
        elif self._faster is None or share > self.MOST:
            self._faster = (self._rate, share) if self._rate else None
        elif self._rate <= self._faster[0] * self.SLOWER:
            self.is_useless = share > self._faster[1] * self.HELPED
            self._borne = max(share, self._faster[1])
            self._restored = self._faster[0]
            self._faster = None if self.is_useless else (self._rate, share)
        self._begin()
        return self.is_useless

    def restore(self, rate: float | None, current: float) -> float | None:
        """The pace where slowing down is useless: what it was before, and free once it holds nothing back.

        Args:
            rate: the pace so far.
            current: requests a second at present.
        """
        rate, self._restored = max(rate or 0.0, self._restored), 0.0
        return rate if 0 < rate < self.SLACK * current else None

    def _begin(self) -> None:
        self._episodes = self.granted = self.refused = 0
        self._granted_before = 0
        self._rate = 0.0
