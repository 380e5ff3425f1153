"""Fixtures shared by the tests that talk to a real socket or start the real command."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import orjson
import pytest
from tenacity import wait_random_exponential

from evol import gateway, throttle
from evol.cli import main
from fake_server import FakeServer

KEY = "sk-canary-4711"
SEEDS = Path(__file__).parent.parent / "seeds"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A well-behaved endpoint; a test may change its attributes."""
    with FakeServer(key=KEY) as running:
        yield running


@dataclass
class Evol:
    """The real command: `run` and `call` inside this process, `start` in one of its own.

    Attributes:
        folder: the working directory.
        url: the endpoint of `run`.
    """

    folder: Path
    url: str

    def command(self, *arguments: str | Path) -> list[str]:
        """The full command line of `evol run` against the endpoint."""
        return [sys.executable, "-m", "evol.cli", "run", *map(str, arguments), "--model", "m", "--base-url", self.url]

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of the command: a key, no proxies, nothing else of OpenAI's."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_") and "proxy" not in k.lower()}
        return {**kept, "OPENAI_API_KEY": KEY, "PYTHONPATH": "", **more}

    def run(self, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        """`evol run` against the endpoint, to its end, inside this process."""
        return self.invoke(self.command(*arguments)[3:], **more)

    def call(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Any other evol command, to its end, inside this process."""
        return self.invoke([str(argument) for argument in arguments])

    def invoke(self, words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
        """The command's entry point with its own arguments, folder, environment and streams."""
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
        code: object = 0
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, self.environment(**more), clear=True),
            mock.patch.object(sys, "argv", ["evol", *words]),
            mock.patch("evol.cli.let_go"),  # this process goes on
            mock.patch("evol.cli.heed_swallowed"),
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
        ):
            try:
                main()
            except SystemExit as ended:
                code = ended.code
        texts = [stream.buffer.getvalue().decode() for stream in streams]
        return subprocess.CompletedProcess(words, int(str(code or 0)), texts[0], texts[1])

    def start(self, *arguments: str | Path, **more: str) -> subprocess.Popen[str]:
        """`evol run` against the endpoint, in the background."""
        return self.start_words(self.command(*arguments)[3:], **more)

    def start_words(self, words: list[str], **more: str) -> subprocess.Popen[str]:
        """Any evol command, in the background."""
        return subprocess.Popen(
            [sys.executable, "-m", "evol.cli", *words],
            cwd=self.folder,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def evol(server: FakeServer, tmp_path: Path) -> Evol:
    """The real command, in a folder of its own, against the fake endpoint."""
    return Evol(tmp_path, server.url)


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of our own between attempts are a hundredth of what they are."""
    monkeypatch.setattr(gateway, "_BACKOFF", wait_random_exponential(multiplier=0.005, max=0.3))
    monkeypatch.setattr(throttle, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(throttle, "LONGEST_PAUSE", 0.1)


@pytest.fixture
def write_seeds(tmp_path: Path) -> Callable[..., Path]:
    """Writes a seeds file of N made-up instructions."""

    def write(count: int, name: str = "seeds.jsonl", prefix: str = "s") -> Path:
        path = tmp_path / name
        rows = ({"id": f"{prefix}{n}", "instruction": f"Describe item {n} of set {prefix}."} for n in range(count))
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        return path

    return write


def read_outputs(folder: Path) -> dict[str, bytes]:
    """The bytes of all output files of a run folder."""
    return {
        path.name: path.read_bytes()
        for path in sorted(folder.iterdir())
        if path.name.startswith("generation-") or path.name == "eliminated.jsonl"
    }


def read_rows(path: Path) -> list[dict[str, object]]:
    """The rows of a JSONL file."""
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def read_journaled_keys(folder: Path) -> list[str]:
    """The keys of a run folder's journal, in order, those of failures included."""
    records = read_rows(folder / "journal.jsonl")
    return [str(record["key"]) for record in records if record["kind"] in ("call", "failure")]
