"""What is written about the code is true: errors and their exit codes, the help texts, one docstring for each test."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from evol import errors
from evol.cli import app
from evol.formats import FORMATS

TESTS = sorted(Path(__file__).parent.rglob("test_*.py"))
ERRORS = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, errors.EvolError) and found.__module__ == errors.__name__
]


@pytest.mark.parametrize("found", ERRORS, ids=lambda found: found.__name__)
def test_the_tree_of_errors_is_drawn_as_it_is(found: type[errors.EvolError]) -> None:
    """Every error stands in the drawing, below its parent, with its exit code; each has a docstring."""
    assert errors.__doc__
    [line] = re.findall(rf"^.*\b{found.__name__} .*$|^ *{found.__name__}$", errors.__doc__, re.MULTILINE)
    if not issubclass(found, errors.CallError) and found is not errors.EvolError:
        assert line.split(found.__name__)[1].split()[0] == str(found.exit_code)
        assert found.exit_code not in (0, 1)
    depth = re.search(r"\w", line).start() // 4  # type: ignore[union-attr]
    assert depth == len(found.__mro__) - len(errors.EvolError.__mro__) + 1
    assert found.__doc__


def test_a_retryable_error_is_a_transient_one() -> None:
    """Nothing else may be tried again."""
    assert {found for found in ERRORS if found.retryable} == {errors.TransientCallError, errors.EmptyReplyError}


def test_an_error_reads_as_one_sentence() -> None:
    """What and where, then what to do; the class-wide hint where none is given."""
    assert str(errors.SeedError("x.jsonl:17: not JSON", "mend it")) == "x.jsonl:17: not JSON: mend it"
    assert str(errors.SeedError("x.jsonl:17: not JSON")) == "x.jsonl:17: not JSON"
    assert str(errors.StorageError("x: full")).startswith("x: full: free some space")


def test_every_exit_code_stands_in_the_help() -> None:
    """`evol run --help` lists each code that a run can end with."""
    told = CliRunner().invoke(app, ["run", "--help"]).stdout.partition("Exit codes:")[2]
    codes = {found.exit_code for found in ERRORS} - {1} | {0, 3, 130, 143}
    assert {int(number) for number in re.findall(r"\b\d+\b", told)} == codes


def test_every_format_stands_in_the_help() -> None:
    """`evol merge --help` names each format."""
    told = CliRunner().invoke(app, ["merge", "--help"]).stdout
    assert all(name in told for name in FORMATS)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_every_test_says_in_one_line_what_it_holds(path: Path) -> None:
    """A reader of a failing test learns from one line what broke."""
    missing = [
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and len((ast.get_docstring(node) or "\n").splitlines()) != 1
    ]
    assert missing == []
