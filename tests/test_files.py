"""Files: whole or absent, one process at a time, and strangers' JSON read strictly."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evol.errors import FolderError, FolderInUse, StorageError
from evol.files import (
    data_folder,
    digest_file,
    is_locked,
    load_strictly,
    lock_folder,
    open_atomically,
    read_jsonl,
    read_lines,
    remove_leftovers,
    remove_lock,
    write_atomically,
)
from evol.folder import read_seeds_again

HOLDER = """
import sys
from pathlib import Path
from evol.files import lock_folder, open_atomically
with lock_folder(Path(sys.argv[1])), open_atomically(Path(sys.argv[1]) / "manifest.json") as writer:
    writer.write({"half": 1})
    print("held", flush=True)
    sys.stdin.read()
"""

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@contextmanager
def hold(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder, in the middle of writing a file, until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def list_names(folder: Path) -> list[str]:
    """Everything in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole_at_the_end(tmp_path: Path) -> None:
    """Inside the block the old content stands, after it the new one, with its count and digest."""
    path = tmp_path / "rows.jsonl"
    path.write_text("old\n")
    with open_atomically(path) as writer:
        writer.write({"a": "é"})
        writer.write_line(b"[]")
        assert path.read_text() == "old\n"
    assert path.read_bytes() == '{"a":"é"}\n[]\n'.encode()
    assert (writer.rows, writer.sha256) == (2, hashlib.sha256(path.read_bytes()).hexdigest())
    assert digest_file(path) == writer.sha256
    assert list_names(tmp_path) == ["rows.jsonl"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("old", [b"old\n", None])
def test_an_error_leaves_the_old_file(tmp_path: Path, error: type[BaseException], old: bytes | None) -> None:
    """Whatever ends the block early: the old file stands, or none, and no temporary one is left."""
    path = tmp_path / "rows.jsonl"
    if old is not None:
        path.write_bytes(old)

    def break_off() -> None:
        with open_atomically(path) as writer:
            writer.write({"a": 1})
            raise error

    with pytest.raises(error):
        break_off()
    assert list_names(tmp_path) == (["rows.jsonl"] if old else [])
    assert old is None or path.read_bytes() == old


def test_what_cannot_be_serialised_leaves_the_old_file(tmp_path: Path) -> None:
    """A row that is no JSON ends the block like any error."""
    path = tmp_path / "rows.jsonl"
    write_atomically(path, b"old")
    with pytest.raises(TypeError), open_atomically(path) as writer:
        writer.write({"a": object()})
    assert path.read_bytes() == b"old\n"


@pytest.mark.parametrize("content", [b"x", b"x\n", b"", b"a\nb", b"a\n\n"])
def test_a_written_file_ends_its_last_line(tmp_path: Path, content: bytes) -> None:
    """`write_atomically` keeps the content and sees that its last line ends."""
    write_atomically(tmp_path / "x", content)
    assert (tmp_path / "x").read_bytes() == (content if content.endswith(b"\n") else content + b"\n")


@pytest.mark.parametrize("target", ["none/x", "file/x", "folder", "x" * 300])
def test_a_place_that_cannot_be_written_is_a_storage_error(tmp_path: Path, target: str) -> None:
    """A missing folder, a file or folder in the way, a name too long: one error that names the path."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        write_atomically(tmp_path / target, b"x")
    assert list_names(tmp_path) == ["file", "folder"]


def test_new_files_have_ordinary_permissions(tmp_path: Path) -> None:
    """Others may read an output file as far as the umask allows."""
    old = os.umask(0o027)
    try:
        write_atomically(tmp_path / "x", b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640


def test_the_lock_excludes_another_process(tmp_path: Path) -> None:
    """While one process holds a folder, another is refused and readers see that it is held."""
    assert not is_locked(tmp_path)
    with hold(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(FolderInUse, match=str(tmp_path)), lock_folder(tmp_path):
            pass
    assert not is_locked(tmp_path)


def test_the_lock_vanishes_with_a_killed_holder(tmp_path: Path) -> None:
    """After kill -9 the next process gets the folder at once, and clears what the killed one left."""
    with hold(tmp_path) as process:
        process.kill()
        process.wait()
        assert any(name.endswith(".tmp") for name in list_names(tmp_path))
        with lock_folder(tmp_path):
            remove_leftovers(tmp_path)
            assert list_names(tmp_path) == [".lock"]


def test_the_lock_is_given_back(tmp_path: Path) -> None:
    """After the block, also one that failed, the folder is free."""
    with pytest.raises(ValueError, match="x"), lock_folder(tmp_path):
        raise ValueError("x")
    with lock_folder(tmp_path):
        remove_lock(tmp_path)
    assert list_names(tmp_path) == []


def test_asking_does_not_hold(tmp_path: Path) -> None:
    """A reader's question creates nothing and sees a holder."""
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "none")
    assert list_names(tmp_path) == []
    with lock_folder(tmp_path):
        assert is_locked(tmp_path)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link in place of the lock file does not make us create or hold something elsewhere."""
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError), lock_folder(tmp_path):
        pass
    assert list_names(tmp_path) == [".lock"]


def test_leftovers_are_told_from_other_files(tmp_path: Path) -> None:
    """Only hidden temporary files go; every other name stays, folders below untouched."""
    names = [".seeds.jsonl", "notes.tmp", ".hidden", "manifest.json", ".lock"]
    for name in (*names, ".manifest.json.abc12345.tmp", ".generation-0.jsonl.x_y12345.tmp"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / ".manifest.json.abc12345.tmp").touch()
    remove_leftovers(tmp_path)
    assert list_names(tmp_path) == sorted([*names, "below"])
    assert list_names(tmp_path / "below") == [".manifest.json.abc12345.tmp"]


def test_leftovers_of_other_programs_stay(tmp_path: Path) -> None:
    """`evol run --out .` must not delete another program's hidden temporary file."""
    (tmp_path / ".editor.tmp").touch()
    remove_leftovers(tmp_path)
    assert list_names(tmp_path) == [".editor.tmp"]


def test_lines_are_numbered_and_blank_ones_skipped(tmp_path: Path) -> None:
    """A value comes with the line that an editor shows."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\n  \n[2]\n3')
    assert list(read_jsonl(path, FolderError, load_strictly)) == [(1, {"a": 1}), (4, [2]), (5, 3)]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    """Separators that Python's `splitlines` knows are ordinary characters here."""
    path = tmp_path / "x.txt"
    text = "a\u2028b\x0bc\x0cd\x85e\x1cf"
    path.write_text(f"{text}\nnext\n", encoding="utf-8")
    assert list(read_lines(path, FolderError)) == [(1, text), (2, "next")]


def test_errors_are_of_the_callers_class(tmp_path: Path) -> None:
    """Our own damaged file is a FolderError, with the same place in its message."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(FolderError, match=r"x\.jsonl:2: not valid JSON"):
        list(read_jsonl(path, FolderError, orjson.loads))


@pytest.mark.parametrize("line", ["[1]", "{}", '{"id": 3, "instruction": "x"}', '{"id": "a", "what": 1}', "null"])
def test_damaged_normalised_seeds_are_a_folder_error(tmp_path: Path, line: str) -> None:
    """A line of `.seeds.jsonl` that is JSON but no seed is damage, told with its place."""
    (tmp_path / ".seeds.jsonl").write_text(f"{line}\n")
    with pytest.raises(FolderError, match=r"\.seeds\.jsonl"):
        list(read_seeds_again(tmp_path))


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "-Infinity", '{"a": 1, "a": 1}', "[" * 100_000, "", "{", "1" * 5000, "'a'"]
)
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    """Python's parser takes more than JSON; strangers' files may not rely on it."""
    with pytest.raises(ValueError, match=r"."):
        load_strictly(text)


@settings(deadline=None, max_examples=60, database=None)
@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**63)
        | st.floats(allow_nan=False, allow_infinity=False)
        | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=8,
    )
)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    """Any JSON value survives a file, as one line."""
    path = tmp_path_factory.getbasetemp() / "round-trip.jsonl"
    with open_atomically(path) as writer:
        writer.write(value)
    assert list(read_jsonl(path, FolderError, load_strictly)) == [(1, value)]


@pytest.mark.parametrize(("name", "member"), [("seeds", "starter.jsonl"), ("prompts", "general/pack.toml")])
def test_bundled_folders_are_found(name: str, member: str) -> None:
    """Packs and seeds are there, installed or in a clone."""
    assert (data_folder(name) / member).is_file()
