from __future__ import annotations

import fcntl
import os
import struct
import sys
import termios

import pytest

from evol.calltotals import CallTotals
from evol.progress import TerminalObserver, show_speed
from evol.records import Price


def test_eighty_columns_show_what_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar that is cut at the terminal's edge still tells seeds, money, rows, eliminations."""
    totals = CallTotals()
    controller, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with os.fdopen(terminal, "w") as screen, os.fdopen(controller, "rb", buffering=0) as reader:
        monkeypatch.setattr(sys, "stderr", screen)
        observer = TerminalObserver()
        observer.begin(52_000, {"evolver": totals}, {"evolver": Price(input=0.15, output=0.6)})
        totals.add({"kind": "call", "input_tokens": 80_000_000, "output_tokens": 570_000}, 0, 0)
        observer.end()
        screen.write("the end")
        screen.flush()
        shown = b""
        while not shown.endswith(b"the end"):
            shown += reader.read(10_000)
    last = shown.decode().rpartition("\r\n")[0].split("\r")[-1]
    assert "0/52000 seeds [" in last
    assert "$12.34, 0 rows, 0 eliminated, " in last
    assert len(last) <= 80


def test_a_slow_model_has_a_speed() -> None:
    """A local model's eleven calls in four minutes are not shown as 0.0 calls a second."""
    assert [show_speed(calls) for calls in (None, 0, 0.0474, 0.5, 1, 5816.04)] == [
        "-", "0.0", "0.047", "0.5", "1.0", "5,816.0",
    ]  # fmt: skip
