from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist of the repository."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def data_files() -> set[str]:
    """Prompts and seeds of the repository."""
    return {
        path.relative_to(ROOT).as_posix()
        for folder in ("prompts", "seeds")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }


def test_wheel_carries_prompts_and_seeds_byte_for_byte(built: Path) -> None:
    """What an installed evol finds is what the repository holds, and nothing stray is shipped."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {
            name.removeprefix("evol/") for name in wheel.namelist() if name.startswith(("evol/prompts/", "evol/seeds/"))
        }
        assert names == data_files()
        for name in names:
            assert wheel.read(f"evol/{name}") == (ROOT / name).read_bytes()
        assert "evol/py.typed" in wheel.namelist()
        assets = {f"evol/evaluation/assets/{path.name}" for path in (ROOT / "src/evol/evaluation/assets").iterdir()}
        assert assets <= set(wheel.namelist())
        assert not [name for name in wheel.namelist() if "test" in name]


def test_wheel_carries_the_page_of_the_report(built: Path) -> None:
    """Template, script and style sheet, byte for byte."""
    page = {path.relative_to(ROOT / "src").as_posix(): path for path in (ROOT / "src/evol/page").iterdir()}
    assert {Path(name).suffix for name in page} == {".html", ".js", ".css"}
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        assert {name for name in wheel.namelist() if name.startswith("evol/page/")} == set(page)
        assert all(wheel.read(name) == path.read_bytes() for name, path in page.items())


def test_sdist_carries_what_a_build_needs(built: Path) -> None:
    """The sdist lists prompts, seeds, configs, tests and the license."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames() if "/" in name}
    assert data_files() <= names
    assert {
        "LICENSE",
        "README.md",
        "configs/wizardlm.toml",
        "configs/train/trl.yaml",
        "tests/test_packaging.py",
    } <= names


def test_installed_wheel_runs_outside_the_repository(built: Path, tmp_path: Path) -> None:
    """Unpacked somewhere else, the wheel finds its own pack and seeds."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")  # noqa: S202 - the archive was built one line above
    script = (
        "import sys; sys.path.insert(0, 'site')\n"
        "import evol; assert 'site' in evol.__file__, evol.__file__\n"
        "from evol.cli import main\n"
        "sys.argv = ['evol', 'run', '--dry-run', '--model', 'm', '--generations', '1']\n"
        "main()\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert "plan: 12 seeds x 1 generations" in shown.stdout
