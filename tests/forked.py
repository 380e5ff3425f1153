"""The real command in processes of its own, forked from one that has its imports done: milliseconds, not seconds.

`Forkery` starts this file as a program. For each command it forks a child, tells its number, waits for it and tells
how it ended; meanwhile a test may kill the child. A child may be given a disk that fails (`failing_disk.py`).
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
PRELOADED = (
    "aiohttp", "genai_prices", "openai", "openai.types.chat", "pydantic", "tenacity", "tqdm", "uvloop", "evol.cli",
    "evol.backends.endpoint", "evol.checks", "evol.comparison", "evol.evaluation.charts", "evol.evaluation.compare",
    "evol.evaluation.filework", "evol.evaluation.page", "evol.merge", "evol.mixing.report", "evol.pipeline",
    "evol.plan", "evol.pricing", "evol.progress", "evol.scorechecks", "evol.scoring", "evol.stats", "evol.tables",
)  # fmt: skip


@dataclass
class Child:
    """A command that runs.

    Attributes:
        pid: its process.
        folder: where its streams are.
    """

    pid: int
    folder: Path
    words: list[str]


class Forkery:
    """Starts commands, one at a time; a context manager.

    Args:
        folder: where the streams of the commands are kept.
        environment: of the commands.

    Attributes:
        peak: most memory of the last command, in bytes.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self.peak = 0

    def __enter__(self) -> Forkery:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**self._environment, "PYTHONPATH": str(TESTS)},
        )
        assert self._tell() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def start(self, words: list[str | Path], cwd: Path, plan: dict[str, Any] | None = None) -> Child:
        """Start `evol` with these arguments; with a plan its disk fails (`failing_disk.install`)."""
        asked = {"words": [str(word) for word in words], "cwd": str(cwd), "plan": plan, "streams": str(self._folder)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Child(int(self._tell()), self._folder, asked["words"])  # type: ignore[arg-type]

    def wait(self, child: Child) -> subprocess.CompletedProcess[str]:
        """Wait until it ended; the exit code is negative where a signal ended it."""
        assert self._process.stdin is not None
        self._process.stdin.write("wait\n")
        self._process.stdin.flush()
        code, self.peak = map(int, self._tell().split())
        texts = [(child.folder / name).read_text(errors="replace") for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess(child.words, code, *texts)

    def run(
        self, words: list[str | Path], cwd: Path, plan: dict[str, Any] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Carry out one command to its end."""
        return self.wait(self.start(words, cwd, plan))

    def _tell(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def become(asked: dict[str, Any]) -> int:
    """Be the command that was asked for; its exit code."""
    os.chdir(asked["cwd"])
    for number, name in enumerate(("stdout", "stderr"), 1):
        handle = os.open(Path(asked["streams"]) / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, number)
        os.close(handle)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    if asked["plan"]:
        importlib.import_module("failing_disk").install(**asked["plan"])
    sys.argv = ["evol", *asked["words"]]
    from evol.cli import main

    try:
        main()
    except SystemExit as ended:
        return int(str(ended.code or 0))
    return 0


def serve() -> None:
    """Fork a child for each line of stdin."""
    for name in PRELOADED:
        importlib.import_module(name)
    print("ready", flush=True)
    while line := sys.stdin.readline():
        pid = os.fork()
        if not pid:
            raise SystemExit(become(json.loads(line)))
        print(pid, flush=True)
        sys.stdin.readline()  # until then its number is nobody else's
        _, status, usage = os.wait4(pid, 0)
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(os.waitstatus_to_exitcode(status), peak, flush=True)


if __name__ == "__main__":
    serve()
