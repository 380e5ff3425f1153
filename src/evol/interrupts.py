"""SIGINT and SIGTERM: the first one ends a run in good order, the second one at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio  # `evol --help` does without

GRACE = 30.0
"""Seconds that calls in flight are given after the first signal."""


class Interrupts:
    """Holds both signals while in the block, and remembers the exit code of the first one.

    Args:
        notice: tells the user.
    """

    def __init__(self, notice: Callable[[str], None]) -> None:
        self._notice = notice
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: Callable[[], None] | None = None
        self._cancel: Callable[[], object] | None = None
        self._old: dict[int, Any] = {}
        self._waits = True
        self.exit_code = 0

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._old[number] = signal.signal(number, self._handle_outside)
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def attach(
        self,
        loop: asyncio.AbstractEventLoop,
        stop: Callable[[], None],
        cancel: Callable[[], object],
        *,
        waits: bool = True,
    ) -> None:
        """While the loop runs, signals go through it.

        Args:
            loop: that runs.
            stop: admits nothing more.
            cancel: ends what is left after GRACE seconds.
            waits: there can be calls in flight that are worth waiting for.
        """
        self._loop, self._stop, self._cancel = loop, stop, cancel
        self._waits = waits
        for number in self._old:
            loop.add_signal_handler(number, self._handle, number)
        if self.exit_code:
            stop()

    def detach(self) -> None:
        """The loop ends; a signal from now on lets the files be written first."""
        if self._loop:
            for number in self._old:
                self._loop.remove_signal_handler(number)
                signal.signal(number, self._handle_outside)
        self._loop = self._stop = self._cancel = None

    def _handle_outside(self, number: int, frame: FrameType | None) -> None:
        self._handle(number)

    def _handle(self, number: int) -> None:
        if self.exit_code:
            os._exit(128 + number)  # the journal holds everything; files are whole or absent
        self.exit_code = 128 + number
        if not (self._loop and self._stop and self._cancel):
            self._notice("stopping when the files are written; once more stops at once")
        else:
            what = f"calls in flight get up to {GRACE:.0f} s" if self._waits else "what is in batches is not waited for"
            self._notice(f"stopping: {what}; once more stops at once")
            self._stop()
            self._loop.call_later(GRACE, self._cancel)


def heed_swallowed() -> None:
    """A Ctrl-C that a compiled library swallows, as pydantic's does while models are made, ends the process quietly."""
    others = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            os._exit(128 + signal.SIGINT)  # as a kill would: the journal holds everything, files are whole or absent
        others(unraisable)

    sys.unraisablehook = hook


def let_go() -> None:
    """Ctrl-C ends the process at once: all is done, and Python would leave its shutdown with a traceback."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
