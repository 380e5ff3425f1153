"""Other tools of the trade in the same run: each in a venv of its own, driven by `peer_*.py`.

Not being installed is no error: a row says so. `--install-peers` makes the venvs (about 2 GB, from the package index).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
from measured import run_measured
from serving import Counts, Endpoint

_ENVIRONMENT = {
    "CURATOR_DISABLE_CACHE": "1",
    "CURATOR_DISABLE_RICH_DISPLAY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "NEMO_TELEMETRY_ENABLED": "false",
    "PYTHONPATH": "",
    "TELEMETRY_ENABLED": "false",
}
"""No cache, no telemetry, nothing fetched while the calls are timed."""


@dataclass(frozen=True)
class Peer:
    """A tool that makes chat calls for a data set.

    Attributes:
        name: of its venv and in the table.
        packages: what pip installs.
        driver: file name of the script that runs it.
    """

    name: str
    packages: tuple[str, ...]
    driver: str


PEERS = (
    Peer("distilabel", ("distilabel[openai]", "requests", "beautifulsoup4"), "peer_distilabel.py"),
    Peer("curator", ("bespokelabs-curator",), "peer_curator.py"),
    Peer("data-designer", ("data-designer",), "peer_data_designer.py"),
)


def find_default_folder() -> Path:
    """Where the venvs stand if `--peers` does not say: the user's cache directory."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "evol-benchmark-peers"


def install_peers(folder: Path, say: Callable[[str], None]) -> None:
    """Make the missing venvs; a peer that does not install is told and left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for peer in PEERS:
        done = folder / peer.name / "installed"
        if done.exists():
            say(f"{peer.name}: installed already, in {done.parent}")
            continue
        say(f"{peer.name}: installing {' '.join(peer.packages)} …")
        python = folder / peer.name / "bin" / "python"
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder / peer.name)],
            [str(python), "-m", "pip", "install", "--quiet", *peer.packages],
        ):
            made = subprocess.run(command, check=False, capture_output=True, text=True)
            if made.returncode:
                reason = (made.stderr.strip() or made.stdout.strip()).splitlines()[-1:]
                say(f"{peer.name}: not installed: {''.join(reason)}")
                break
        else:
            done.touch()


def find_version(peer: Peer, folder: Path) -> str:
    """The installed version, "" where there is none."""
    package = peer.packages[0].partition("[")[0].replace("-", "_")
    found = sorted((folder / peer.name).glob(f"lib/python*/site-packages/{package}-*.dist-info"))
    return found[-1].name.removesuffix(".dist-info").rpartition("-")[2] if found else ""


def run_peer(peer: Peer, folder: Path, endpoint: Endpoint, prompts: Path, concurrency: int, work: Path) -> Counts | str:
    """Let a peer make one call for each prompt.

    Args:
        peer: which one.
        folder: of the venvs.
        endpoint: reset here, and read afterwards.
        prompts: one JSON string a line.
        concurrency: calls in flight.
        work: a folder for whatever it writes.

    Returns:
        The endpoint's counts, or why there are none. They span first request to last completion, so that imports and
        the loading of prompts cost nobody anything.
    """
    python = folder / peer.name / "bin" / "python"
    if not (folder / peer.name / "installed").exists():
        return "not installed (run with --install-peers)"
    home = work / peer.name
    home.mkdir()
    endpoint.reset()
    driver = Path(__file__).with_name(peer.driver)
    made = run_measured(
        [str(python), str(driver), endpoint.url, str(prompts), str(concurrency), str(home)],
        home,
        timeout=300,
        environment={**_ENVIRONMENT, "HOME": str(home)},
    )
    if made.exit_code:
        return f"did not run: {made.complaint}"
    wanted = len(prompts.read_bytes().splitlines())
    replies = orjson.loads(made.stdout.splitlines()[-1])["replies"]
    counts = endpoint.stats()
    if replies != wanted or counts.completions != wanted:
        return f"{replies} replies and {counts.completions} requests for {wanted} prompts"
    return counts
