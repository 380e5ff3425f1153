"""The files of a mix as one set: all or none, whatever is killed or refused; and nothing foreign is overwritten."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from evol.errors import FolderInUse, StorageError, UsageError
from evol.files import digest_file, remove_leftovers
from evol.mixing.outputs import Outputs, find_target
from scripted_runs import make_run, make_seeds, merge, read_rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of six seeds; tests write elsewhere."""
    folder = tmp_path_factory.mktemp("outputs") / "r"
    assert make_run(folder, make_seeds(6), generations=1).exit_code == 0
    return folder


def list_files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


SETS: dict[str, set[str]] = {
    "trl": {"mix.jsonl"},
    "parquet": {"mix.parquet"},
    "llamafactory": {"mix.jsonl", "dataset_info.json"},
    "axolotl": {"mix.jsonl", "mix.axolotl.yaml"},
}


@pytest.mark.parametrize("format_name", SETS)
@pytest.mark.parametrize("holdout", [0, 2])
def test_a_new_folder_holds_the_whole_set(tmp_path: Path, folder: Path, format_name: str, holdout: int) -> None:
    """A folder given by --out gets a README.md; side files carry the stem; the marker knows each digest."""
    report = merge([folder], tmp_path / "new", format_name, holdout=holdout)
    mix = report.out.name
    names = SETS[format_name] | {"README.md", "mix.lineage.jsonl", "mix.removed.jsonl", "mix.meta.json"}
    if holdout:
        names |= {mix.replace("mix.", "mix.holdout."), "mix.holdout.lineage.jsonl"}
    assert {path.name for path in (tmp_path / "new").iterdir()} == names
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    meta = orjson.loads((tmp_path / "new" / "mix.meta.json").read_bytes())
    assert meta["files"] == {name: digest_file(tmp_path / "new" / name) for name in names - {"mix.meta.json"}}
    assert (meta["complete"], meta["replaces"]) == (True, {})
    assert all(path.stat().st_mode & 0o077 == 0o044 for path in (tmp_path / "new").iterdir())


def test_an_empty_folder_is_filled(tmp_path: Path, folder: Path) -> None:
    """Also when it is the working directory's own child and was made before."""
    (tmp_path / "empty").mkdir()
    merge([folder], tmp_path / "empty")
    assert (tmp_path / "empty" / "README.md").exists()


def test_another_stem_names_the_side_files(tmp_path: Path, folder: Path) -> None:
    """`--out x.jsonl` gives x.lineage.jsonl and so on, and no README.md in a folder that has other things."""
    (tmp_path / "README.md").write_text("mine")
    merge([folder], tmp_path / "x.jsonl", "axolotl", holdout=2)
    assert {path.name for path in tmp_path.iterdir()} == {
        "README.md", "x.jsonl", "x.holdout.jsonl", "x.lineage.jsonl", "x.holdout.lineage.jsonl", "x.removed.jsonl",
        "x.card.md", "x.axolotl.yaml", "x.meta.json",
    }  # fmt: skip
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_later_mix_replaces_the_set(tmp_path: Path, folder: Path) -> None:
    """Files that the new set lacks go with the old one: a stale holdout would overlap with the new mix."""
    merge([folder], tmp_path / "m", "llamafactory", holdout=2)
    merge([folder], tmp_path / "m", "parquet", random_seed=1)
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        "README.md", "mix.parquet", "mix.lineage.jsonl", "mix.removed.jsonl", "mix.meta.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "mix.jsonl", "mix.lineage.jsonl", "mix.removed.jsonl", "mix.card.md", "mix.holdout.jsonl",
        "mix.holdout.lineage.jsonl", "dataset_info.json",
    ],
)  # fmt: skip
@pytest.mark.parametrize("change", ["foreign", "edited"])
def test_no_file_of_the_users_is_overwritten(tmp_path: Path, folder: Path, name: str, change: str) -> None:
    """Any file of the set that evol did not write, or that was edited since, stops the merge; all stay as they were."""
    if change == "edited":
        merge([folder], tmp_path / "mix.jsonl", "llamafactory", holdout=2)
        (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\n")
    else:
        (tmp_path / name).write_bytes(b"mine")
    before = list_files(tmp_path)
    with pytest.raises(UsageError, match="not written by `evol merge`, or changed since") as caught:
        merge([folder], tmp_path / "mix.jsonl", "llamafactory", holdout=2, random_seed=3)
    assert str(tmp_path / name) in str(caught.value)
    assert list_files(tmp_path) == before


def test_an_edited_file_is_not_swept_away(tmp_path: Path, folder: Path) -> None:
    """A file of the old set that the new one lacks is only removed if nobody touched it."""
    merge([folder], tmp_path / "mix.jsonl", holdout=2)
    (tmp_path / "mix.holdout.jsonl").write_text("edited\n")
    with pytest.raises(UsageError, match=r"mix\.holdout\.jsonl"):
        merge([folder], tmp_path / "mix.jsonl")
    assert (tmp_path / "mix.holdout.jsonl").read_text() == "edited\n"


def make_full(path: Path) -> None:
    """A folder with a file of the user's."""
    path.mkdir()
    (path / "notes.txt").write_text("mine")


def make_marked(path: Path) -> None:
    """A folder in which a mix stands beside other things."""
    make_full(path)
    (path / "mix.meta.json").write_text('{"files": {"mix.jsonl": "0"}, "replaces": {}}')


@pytest.mark.parametrize(
    ("out", "prepare", "sentence"),
    [
        ("full", make_full, "OUT: a folder that holds other things: name a new or empty one, or OUT/mix.jsonl"),
        ("full", make_marked, "OUT: a folder that holds other things: name a new or empty one, or OUT/mix.jsonl"),
        ("file", lambda path: path.write_text("mine"), "OUT: a file: name a .jsonl file or a folder with --out"),
        (
            "mix.jsonl",
            Path.mkdir,
            "OUT: a folder: name a file with --out, or a folder that is not named like one",
        ),
        ("mix.parquet", None, "OUT: the mix of this format is a .jsonl file: name it like --out mix.jsonl"),
        ("mix.json", None, "OUT: the mix of this format is a .jsonl file: name it like --out mix.jsonl"),
        ("generation-9.jsonl", None, "OUT: a name that runs use for their own files: name it like --out mix.jsonl"),
        ("none/x/mix.jsonl", None, "PARENT: no such folder: make it first, or name another place with --out"),
        ("none/x", None, "PARENT: no such folder: make it first, or name another place with --out"),
        ("x" * 300, None, ""),
    ],
)
def test_places_that_cannot_be_are_refused(
    tmp_path: Path, folder: Path, out: str, prepare: Callable[[Path], Any] | None, sentence: str
) -> None:
    """One sentence that says what --out takes; everything stays as it was."""
    if prepare:
        prepare(tmp_path / out)
    before = list_files(tmp_path)
    with pytest.raises((UsageError, StorageError)) as caught:
        merge([folder], tmp_path / out)
    whole = sentence.replace("OUT", str(tmp_path / out)).replace("PARENT", str((tmp_path / out).parent))
    assert str(caught.value) == whole or not sentence
    assert str(tmp_path / out) in str(caught.value) or "PARENT" in sentence
    assert caught.value.exit_code == 2
    assert list_files(tmp_path) == before


@pytest.mark.parametrize("is_new", [True, False])
def test_the_set_may_be_read_as_the_umask_says(tmp_path: Path, folder: Path, is_new: bool) -> None:
    """Unlike temporary files, which are their owner's alone; the umask stays as it was."""
    before = os.umask(0o026)
    try:
        merge([folder], tmp_path / ("m" if is_new else "mix.jsonl"))
        assert os.umask(0o026) == 0o026
    finally:
        os.umask(before)
    place = tmp_path / "m" if is_new else tmp_path
    for name in ("mix.jsonl", "mix.lineage.jsonl", "mix.removed.jsonl"):
        assert (place / name).stat().st_mode & 0o777 == 0o640
    assert not is_new or place.stat().st_mode & 0o777 == 0o751


def test_a_marker_that_is_none_of_ours(tmp_path: Path, folder: Path) -> None:
    """Whatever stands under its name stays, and the sentence says what to do."""
    marker = tmp_path / "mix.meta.json"
    for content in ("mine", "[]", '{"files": 1, "replaces": {}}', '{"out": "mix.jsonl"}'):
        marker.write_text(content)
        with pytest.raises(UsageError) as caught:
            merge([folder], tmp_path / "mix.jsonl")
        assert str(caught.value) == f"{marker}: not written by evol: move it away, or name another place with --out"
        assert marker.read_text() == content


def test_a_marker_names_no_file_elsewhere(tmp_path: Path, folder: Path) -> None:
    """One that was tampered with cannot have files of another folder removed."""
    (tmp_path / "m").mkdir()
    victim = tmp_path / "victim.txt"
    victim.write_text("mine")
    digest = digest_file(victim)
    (tmp_path / "m" / "mix.meta.json").write_text(json.dumps({"files": {"../victim.txt": digest}, "replaces": {}}))
    merge([folder], tmp_path / "m" / "mix.jsonl")
    assert victim.read_text() == "mine"


def test_two_merges_to_one_place(tmp_path: Path, folder: Path) -> None:
    """The second to come to its end is refused, and the first one's set stays whole."""
    target = find_target([folder], tmp_path / "mix.jsonl", ".jsonl")
    with Outputs(target, ["mix.jsonl"], dry=False) as outputs:
        outputs.add("mix.jsonl", b"late")
        merge([folder], tmp_path / "mix.jsonl")
        before = (tmp_path / "mix.jsonl").read_bytes()
        with pytest.raises(FolderInUse) as caught:
            outputs.commit({})
    assert str(caught.value) == f"{tmp_path}/mix.meta.json: another merge wrote it just now: run the command again"
    assert (tmp_path / "mix.jsonl").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_run_folder_takes_no_readme(tmp_path: Path) -> None:
    """`--out RUN` is refused even after a merge into it; `RUN/mix.jsonl` is the default anyway."""
    make_run(tmp_path / "r", make_seeds(1), generations=0)
    merge([tmp_path / "r"])
    with pytest.raises(UsageError, match="holds other things"):
        merge([tmp_path / "r"], tmp_path / "r")
    assert not (tmp_path / "r" / "README.md").exists()


@pytest.mark.parametrize("out", ["mix.jsonl", "new"])
def test_a_dry_run_writes_nothing(tmp_path: Path, folder: Path, out: str) -> None:
    """Counts, names and sizes are those of the real merge; not a byte is left behind."""
    dry = merge([folder], tmp_path / out, holdout=2, dry_run=True)
    assert list(tmp_path.iterdir()) == []
    real = merge([folder], tmp_path / out, holdout=2)
    assert dry.as_json() == real.as_json()
    assert dry.files == real.files
    assert dry.files[real.out.name] == real.out.stat().st_size


def test_a_failed_merge_leaves_the_old_set(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up while rows are written costs nothing that was there."""
    merge([folder], tmp_path / "mix.jsonl")
    before = list_files(tmp_path)
    calls = []

    def refuse(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="No space left"):
        merge([folder], tmp_path / "mix.jsonl", random_seed=1)
    assert list_files(tmp_path) == before


KILLER = """
import os, signal, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from scripted_runs import merge
steps = 0
def kill_at(real):
    def step(*arguments, **named):
        global steps
        if steps == {step}:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1
        return real(*arguments, **named)
    return step
os.replace, Path.replace, Path.rename, Path.unlink, os.fsync = map(
    kill_at, (os.replace, Path.replace, Path.rename, Path.unlink, os.fsync)
)
merge([Path({folder!r})], Path({out!r}), "trl", random_seed=1)
print("done", steps)
"""


def kill_merge(folder: Path, out: Path, step: int) -> str:
    """A merge in a process of its own, killed before its nth step on the disk; what it printed if it was not."""
    script = KILLER.format(tests=str(Path(__file__).parent), folder=str(folder), out=str(out), step=step)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("out", ["mix.jsonl", "new"])
def test_a_kill_at_any_step_leaves_the_old_set_the_new_one_or_a_marker(tmp_path: Path, folder: Path, out: str) -> None:
    """Whichever step on the disk is the last: the marker tells whether the set is whole, the next merge mends it."""
    for name, random_seed in (("old", 0), ("wanted", 1)):
        (tmp_path / name).mkdir()
        merge([folder], tmp_path / name / out, holdout=2 * (name == "old"), random_seed=random_seed)
    old, wanted = (list_files(tmp_path / place) for place in ("old", "wanted"))
    outcomes = set()
    for step in range(100):
        place = tmp_path / f"kill{step}"
        place.mkdir()
        if out == "mix.jsonl":
            merge([folder], place / out, holdout=2)
        finished = kill_merge(folder, place / out, step)
        found = {name: data for name, data in list_files(place).items() if ".tmp" not in name}
        marker = next((orjson.loads(data) for name, data in found.items() if name.endswith("meta.json")), None)
        files = {name: data for name, data in found.items() if not name.endswith(("meta.json", ".md"))}
        whole = [
            {name: data for name, data in files_of.items() if not name.endswith(("meta.json", ".md"))}
            for files_of in (old, wanted)
        ]
        if marker is None:
            assert out == "new"
            assert files == {}
            outcomes.add("nothing")
        elif marker["complete"]:
            assert files in whole
            outcomes.add("whole")
        else:
            outcomes.add("told")
        merge([folder], place / out, random_seed=1)
        mended = {name: data for name, data in list_files(place).items() if ".tmp" not in name}
        assert mended.keys() == wanted.keys()
        assert all(mended[name] == wanted[name] for name in whole[1])
        if finished:
            break
    else:
        raise AssertionError("the merge never finished")
    assert outcomes == ({"whole", "told"} if out == "mix.jsonl" else {"nothing", "whole"})
    assert step > 8


def test_leftovers_of_a_killed_merge_are_swept_by_the_next_run(tmp_path: Path) -> None:
    """Temporary files of a set in a run's folder are known to the sweep; the user's are not."""
    names = [".mix.jsonl.abcd1234.tmp", ".mix.holdout.lineage.jsonl.abcd1234.tmp", ".dataset_info.json.abcd1234.tmp"]
    for name in [*names, ".notes.abcd1234.tmp"]:
        (tmp_path / name).write_text("x")
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".notes.abcd1234.tmp"]


def test_a_mix_of_an_older_evol_is_known_as_ours(tmp_path: Path, folder: Path) -> None:
    """A marker that knows the mix alone still lets it be replaced."""
    merge([folder], tmp_path / "mix.jsonl")
    for name in ("lineage.jsonl", "removed.jsonl", "card.md"):
        (tmp_path / f"mix.{name}").unlink()
    digest = digest_file(tmp_path / "mix.jsonl")
    (tmp_path / "mix.meta.json").write_bytes(
        orjson.dumps({"out": str(tmp_path / "mix.jsonl"), "sha256": digest, "replaces_sha256": ""})
    )
    merge([folder], tmp_path / "mix.jsonl", "alpaca")
    assert len(read_rows(tmp_path / "mix.jsonl")) == 12


def test_many_runs_need_no_more_files_open_than_the_system_gives(tmp_path: Path) -> None:
    """Forty runs merge where the system gives a process 48 files, and give what fewer would."""
    for number in range(40):
        make_run(tmp_path / f"r{number}", make_seeds(1, f"s{number}x"), generations=0)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48))\n"
        "import evol.mixing.rows as rows; rows.MAX_OPEN_FILES = 8\n"
        "sys.argv = ['evol', 'merge', *sys.argv[1:]]\n"
        "from evol.cli import main; main()"
    )
    runs = [str(tmp_path / f"r{number}") for number in range(40)]
    done = subprocess.run(
        [sys.executable, "-c", script, *runs, "--out", str(tmp_path / "mix.jsonl")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(read_rows(tmp_path / "mix.jsonl")) == 40
