from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def call(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The real command."""
    return subprocess.run(
        [sys.executable, "-m", "evol.cli", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "120", "LANG": "C.UTF-8"},
    )


def test_help_teaches_by_example() -> None:
    """`evol --help` names the commands in the order of use; `evol run --help` shows examples and exit codes."""
    shown = call("--help").stdout
    assert "\n    evol run --generations 4 && evol merge && evol stats\n" in shown
    assert shown.index("  run ") < shown.index("  merge ") < shown.index("  stats ") < shown.index("  packs ")
    detail = call("run", "--help").stdout
    assert "\n    evol run seeds.jsonl --model NAME --base-url http://localhost:8000/v1\n" in detail
    assert "Exit codes" in detail


def test_version_is_printed() -> None:
    """`evol --version` prints name and version."""
    from evol import __version__

    assert call("--version").stdout == f"evol {__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    """Help must come at once: no client, no model runtime, no pydantic, no event loop is imported for it."""
    script = (
        "import sys, evol.cli\n"
        "heavy = {'openai', 'aiohttp', 'pydantic', 'xllamacpp', 'tenacity', 'uvloop', 'jsonlines', 'tqdm', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command",
    [
        *("run", "merge", "stats", "score", "packs", "packs show", "packs check"),
        *("respond", "compare", "ballot write", "ballot count"),
    ],
)
def test_every_flag_stands_in_the_readme(command: str) -> None:
    """Docs cannot drift: each command and each of its flags is in the README."""
    readme = (ROOT / "README.md").read_text()
    assert f"evol {command.removesuffix(' write')}" in readme
    shown = call(*command.split(), "--help")
    assert shown.returncode == 0
    flags = {word.rstrip(",") for word in shown.stdout.split() if word.startswith("--")}
    flags = {flag for flag in flags if flag.strip("-").replace("-", "").isalpha()}
    assert flags
    assert not {flag for flag in flags - {"--help"} if flag not in readme}


def test_unknown_flag_is_a_usage_error(tmp_path: Path) -> None:
    """A misspelt flag ends with exit 2 and changes nothing."""
    refused = call("run", "--generation", "4", cwd=tmp_path)
    assert refused.returncode == 2
    assert "No such option" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_a_ctrl_c_that_a_library_swallows_ends_the_command() -> None:
    """Where no exception can get through, as in a compiled library at import: exit 130 at once, and no traceback."""
    script = """if True:
        from evol import cli

        class Library:
            def __del__(self):
                raise KeyboardInterrupt

        def app():
            Library()
            print("went on")

        cli.app = app
        cli.main()"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")
