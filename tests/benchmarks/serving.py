"""The endpoint as the benchmark sees it: started on a core of its own, asked for its counts, ended in any case."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from measured import SERVER_CORE


@dataclass(frozen=True)
class Endpoint:
    """A running endpoint."""

    port: int

    @property
    def url(self) -> str:
        """The base URL that clients are given."""
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> Counts:
        """What it has counted since the last reset."""
        return Counts(self._ask("GET", "/stats"))

    def reset(self) -> None:
        """Count anew."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers={"Content-Length": "0"})
            parsed: dict[str, Any] = orjson.loads(connection.getresponse().read())
            return parsed
        finally:
            connection.close()


@dataclass(frozen=True)
class Counts:
    """The endpoint's `/stats`, and what follows from it."""

    raw: dict[str, Any]

    @property
    def completions(self) -> int:
        """Chat calls that got a completion."""
        return int(self.raw["completions"])

    @property
    def requests(self) -> int:
        """Chat calls that came, refused ones included."""
        return int(self.raw["requests"])

    @property
    def seconds(self) -> float:
        """From the first request to the last completion; a millisecond is the clock's grain."""
        return max(0.001, (self.raw["last"] or 0.0) - (self.raw["first"] or 0.0))

    @property
    def rate(self) -> float:
        """Completions a second, from the first request to the last completion."""
        return self.completions / self.seconds

    @property
    def mean_body(self) -> float:
        """Bytes of a request body."""
        return float(self.raw["body_bytes"]) / max(1, self.requests)

    @property
    def load(self) -> float:
        """The share of its core that the endpoint used between first request and last completion."""
        return float(self.raw["cpu_seconds"]) / self.seconds

    def sum_seconds(self, name: str, start: int, stop: int) -> float:
        """Sum of a histogram over whole seconds, counted from the first request."""
        return float(sum(self.raw["by_second"][name][start:stop]))

    def max_seconds(self, name: str, start: int, stop: int) -> int:
        """Maximum of a histogram over whole seconds, counted from the first request."""
        return int(max(self.raw["by_second"][name][start:stop], default=0))


@contextlib.contextmanager
def serve(*flags: str) -> Iterator[Endpoint]:
    """Start an endpoint with these flags of `endpoint.py`; it ends with the block, and with this process."""
    program = Path(__file__).with_name("endpoint.py")
    command = [sys.executable, str(program), "--until-stdin-closes", "--core", str(SERVER_CORE), *flags]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Endpoint(orjson.loads(process.stdout.readline())["port"])
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
