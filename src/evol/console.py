"""What all commands of the command line share: results to stdout, sentences to stderr, errors as exit codes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import typer

from evol.errors import EXIT_SIGINT, EvolError


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


def print_json(value: Any) -> None:
    """Print a result to stdout."""
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def say(text: str) -> None:
    """Tell the user something on stderr."""
    from evol.progress import clean_for_terminal

    typer.echo(f"evol: {clean_for_terminal(text)}", err=True)


@contextlib.contextmanager
def report_errors() -> Iterator[None]:
    """A user's mistake is one sentence and an exit code; a bug keeps its traceback (exit 1)."""
    try:
        yield
    except EvolError as error:
        say(f"error: {error}")
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_SIGINT) from None
