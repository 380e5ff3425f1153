"""What all commands of the command line share: results to stdout, sentences to stderr, errors as exit codes."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import typer

from evol.errors import EXIT_SIGINT, EvolError, StorageError


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Flags that were given."""
    return {key: value for key, value in values.items() if value is not None}


def given_limits(
    concurrency: str | None,
    rpm: float | None,
    tpm: float | None,
    max_cost: float | None,
    max_calls: int | None,
    max_tokens: int | None,
) -> dict[str, Any]:
    """The table `[limits]` of the flags that were given."""
    return given(
        {
            "concurrency": int(concurrency) if concurrency and concurrency.isdecimal() else concurrency,
            "rpm": rpm,
            "tpm": tpm,
            "max_cost": max_cost,
            "max_calls": max_calls,
            "max_tokens": max_tokens,
        }
    )


_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
"""What drives a terminal or turns its text around and JSON need not escape."""


def print_json(value: Any) -> None:
    """Print a result to stdout; what could drive a terminal is escaped, as JSON allows."""
    import orjson

    text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    typer.echo(_UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def tell(text: str) -> None:
    """Print a line of a result to stdout."""
    from evol.progress import clean_for_terminal

    typer.echo(clean_for_terminal(text))


def say(text: str) -> None:
    """Tell the user something on stderr."""
    from evol.progress import clean_for_terminal

    with contextlib.suppress(OSError):  # a log on a full disk, a terminal that is gone: no reason to end a run
        typer.echo(f"evol: {clean_for_terminal(text)}", err=True)


def _forget_stdout() -> None:
    """What could not be written is not tried again at the end of the process."""
    with contextlib.suppress(OSError, ValueError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)


@contextlib.contextmanager
def report_errors() -> Iterator[None]:
    """A user's mistake is one sentence and an exit code; a bug keeps its traceback (exit 1).

    A disk that refuses where nobody expected it is no bug either.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # who reads the results has had enough
    except OSError as error:
        place = error.filename or "standard output"
        say(f"error: {place}: {error.strerror or error}: free some space or fix the permissions, then run it again")
        if error.filename is None:
            _forget_stdout()
        raise typer.Exit(StorageError.exit_code) from None
    except EvolError as error:
        say(f"error: {error}")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_SIGINT) from None
