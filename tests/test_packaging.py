from __future__ import annotations

import base64
import csv
import email
import hashlib
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def test_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    """Every file is of the package, its data or its metadata; the licence is there, RECORD vouches for each byte."""
    sources = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src/evol").rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        about = next(name.split("/")[0] for name in names if name.endswith(".dist-info/METADATA"))
        metadata = {
            f"{about}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
        }
        assert names == sources | {f"evol/{name}" for name in data_files()} | metadata
        assert wheel.read(f"{about}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        assert wheel.read(f"{about}/entry_points.txt").split() == b"[console_scripts] evol = evol.cli:main".split()
        record = {name: digest for name, digest, _ in csv.reader(wheel.read(f"{about}/RECORD").decode().splitlines())}
        assert record.keys() == names
        for name in names - {f"{about}/RECORD"}:
            digest = base64.urlsafe_b64encode(hashlib.sha256(wheel.read(name)).digest()).decode().rstrip("=")
            assert record[name] == f"sha256={digest}"


def test_wheel_says_what_it_needs(built: Path) -> None:
    """Its metadata ask for what pyproject.toml asks for; each has a lower bound, which `.ci/oldest` tries."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
        said = email.message_from_bytes(wheel.read(name))
    asked = [Requirement(text) for text in said.get_all("Requires-Dist") or []]
    core = {str(one) for one in asked if "extra" not in str(one.marker)}
    assert core == {str(Requirement(text)) for text in project["dependencies"]}
    assert all(one.specifier for one in asked if str(one) in core)
    assert (said["License-Expression"], said["Requires-Python"]) == (project["license"], project["requires-python"])
    assert not [one for one in asked if one.url]


def read_locked() -> Iterator[tuple[str, str, str]]:
    """Name, version and the rest of each entry of the locked environment."""
    text = (ROOT / "requirements-dev.lock").read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            found = re.fullmatch(r"([a-z0-9-]+)==(\S+)(.*)", line)
            assert found, line
            yield found[1], found[2], found[3]


def test_locked_environment_fits_the_project() -> None:
    """The lock pins, with digests and without a host's name, a version that fits of everything the tests need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    locked = {}
    for name, version, rest in read_locked():
        assert "--hash=sha256:" in rest, name
        assert "://" not in rest
        locked[name] = version
    extras, wanted = ["dev", "local"], list(project["dependencies"])
    for extra in extras:
        for text in project["optional-dependencies"][extra]:
            one = Requirement(text)
            if canonicalize_name(one.name) == project["name"]:
                extras += sorted(one.extras - set(extras))  # the list grows while it is walked
            else:
                wanted.append(text)
    assert {"dev", "merge", "report", "breadth"} <= set(extras)
    for one in map(Requirement, wanted):
        assert one.specifier.contains(locked[canonicalize_name(one.name)]), one


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
    roots = {"src", "prompts", "seeds", "configs", "tests"}
    files = {"README.md", "LICENSE", "PKG-INFO", "pyproject.toml", ".gitignore"}
    assert {name.split("/")[0] for name in names} <= roots | files
    assert not [name for name in names if re.search(r"\.pyc$|__pycache__|\.venv|\.tmp$|(^|/)output/", name)]


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
