"""A command as a process of its own, measured with wait4: wall clock, CPU seconds, peak RSS.

Linux counts what a process held before it called exec, which is what its parent holds: the peak RSS of a child is never
below that of the benchmark itself, so nothing large is kept or imported there.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_CORES = sorted(os.sched_getaffinity(0))
CLIENT_CORE, SERVER_CORE = _CORES[0], _CORES[-1]
"""One core for whoever is measured, another for the endpoint; the same one where the machine has no second."""


def stay_on_client_core() -> None:
    """Pin this process, and so everything that it starts; the endpoint then moves itself to the other core."""
    os.sched_setaffinity(0, {CLIENT_CORE})


@dataclass(frozen=True)
class Measured:
    """How a process ended and what it took.

    Attributes:
        exit_code: negative for a signal, as in `subprocess`.
        seconds: wall clock from start to exit.
        cpu_seconds: user and system time, waited-for children included.
        rss_mb: peak resident set in MB (2**20 bytes), of the largest process among it and its waited-for children.
        stdout: whole.
        stderr: whole.
    """

    exit_code: int
    seconds: float
    cpu_seconds: float
    rss_mb: float
    stdout: str
    stderr: str

    @property
    def complaint(self) -> str:
        """The last line on stderr, for a process that failed."""
        lines = [line.strip(" │╰╯─") for line in self.stderr.splitlines()]
        return next((line for line in reversed(lines) if line), f"exit {self.exit_code}")


def run_measured(
    command: Sequence[str],
    folder: Path,
    *,
    timeout: float = 1800,
    interrupt_after: float | None = None,
    environment: dict[str, str] | None = None,
) -> Measured:
    """Run a command to its end.

    Args:
        command: program and arguments.
        folder: where its output is kept meanwhile.
        timeout: seconds until it is killed, with all it started.
        interrupt_after: seconds until it gets a SIGINT.
        environment: over the present one.
    """
    with tempfile.TemporaryFile(dir=folder) as out, tempfile.TemporaryFile(dir=folder) as err:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env=clean_environment() | (environment or {}),
            start_new_session=True,
        )
        timers = [threading.Timer(timeout, _send, (process.pid, signal.SIGKILL))]
        if interrupt_after is not None:
            timers.append(threading.Timer(interrupt_after, _send, (process.pid, signal.SIGINT)))
        for timer in timers:
            timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _send(process.pid, signal.SIGKILL)
            raise
        finally:
            for timer in timers:
                timer.cancel()
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [_read(file) for file in (out, err)]
    return Measured(
        process.returncode, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, texts[0], texts[1]
    )


def clean_environment() -> dict[str, str]:
    """The present environment without what would lead a client elsewhere: keys, base URLs, proxies."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OPENAI_") and not name.lower().endswith("_proxy")
    }


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _send(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)
