"""Every error a user can meet, with its exit code, its hint and whether a call may be tried again.

::

    EvolError
    ├── UsageError             2    the command line asks for something that cannot be
    ├── ConfigError            2    a config file or a setting is wrong
    ├── SeedError              2    a seeds file is wrong; names file and line
    ├── PackError              2    a prompt pack is wrong; names file and line
    ├── InputError             2    a file of questions, responses or ballots is wrong; names file and line
    ├── StorageError           2    the disk refused: full, read-only, no permission
    ├── BudgetExhausted        4    the budget allows no further call
    ├── EndpointError          5    the endpoint, the key or the model cannot be used
    ├── FolderInUse            6    another process holds the run folder
    ├── FolderError            7    the run folder is damaged or was made with other settings
    └── CallError              -    one attempt of one call failed; never leaves the gateway's layer but as CallFailed
        ├── TransientCallError      may be tried again (429, 5xx, time-out, reset, unreadable body)
        │   └── EmptyReplyError     a reply without content: tried a few times, then an outcome
        ├── CallRejected            the server refused this request (400, 404, …): trying again is useless
        └── CallFailed              given up: the lineage stays unfinished

Exit 0 is success, 1 a bug (traceback), 3 "finished, but some lineages could not finish", 130 and 143 an interrupt.
A message is one sentence: what, where, what to do.
"""

from __future__ import annotations

from typing import Any

EXIT_DONE = 0
EXIT_UNFINISHED = 3
EXIT_SIGINT = 130
EXIT_SIGTERM = 143


class EvolError(Exception):
    """Base of all errors of this package.

    Args:
        message: what went wrong and where, without a final full stop.
        hint: what to do about it; a class-wide default where none is given.
    """

    exit_code = 1
    retryable = False
    default_hint = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}" if self.hint else self.message


class UsageError(EvolError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class ConfigError(EvolError):
    """A config file or a setting is wrong."""

    exit_code = 2


class SeedError(EvolError):
    """A seeds file is wrong; the message names file and line."""

    exit_code = 2


class PackError(EvolError):
    """A prompt pack is wrong; the message names file and line."""

    exit_code = 2


class InputError(EvolError):
    """A file of questions, responses or ballots is wrong; the message names file and line."""

    exit_code = 2


class StorageError(EvolError):
    """The disk refused a read or a write."""

    exit_code = 2
    default_hint = "free some space or fix the permissions, then run the same command again"


class BudgetExhausted(EvolError):
    """The budget allows no further call."""

    exit_code = 4
    default_hint = "the same command with a larger limit goes on"


class EndpointError(EvolError):
    """The endpoint, the key or the model cannot be used."""

    exit_code = 5


class FolderInUse(EvolError):
    """Another process holds the run folder."""

    exit_code = 6
    default_hint = "wait until it ends, or name another place with --out"


class FolderError(EvolError):
    """The run folder is damaged or was made with other settings."""

    exit_code = 7


class CallError(EvolError):
    """One attempt of one call failed.

    Args:
        message: what the server or the network said.
        status: the HTTP status, 0 where there was none.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class TransientCallError(CallError):
    """An attempt that may be tried again.

    Args:
        message: what the server or the network said.
        status: the HTTP status, 0 where there was none.
        retry_after: seconds the server asked to wait, None where it did not.
        hint: whatever else the server said about rates (`rates.RateHint`).
        unreachable: no connection could be made at all.
        unreadable: a 200 reply whose body is no chat completion.
    """

    retryable = True

    def __init__(
        self,
        message: str,
        status: int = 0,
        retry_after: float | None = None,
        *,
        hint: Any = None,
        unreachable: bool = False,
        unreadable: bool = False,
    ) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after
        self.hint_of_rate = hint
        self.unreachable = unreachable
        self.unreadable = unreadable


class EmptyReplyError(TransientCallError):
    """A well-formed reply without content.

    Args:
        message: what was empty.
        input_tokens: prompt tokens the server charged, -1 unknown.
        output_tokens: completion tokens the server charged, -1 unknown.
        finish_reason: as the server gave it.
    """

    def __init__(self, message: str, input_tokens: int, output_tokens: int, finish_reason: str) -> None:
        super().__init__(message, 200)
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.finish_reason = finish_reason


class CallRejected(CallError):
    """The server refused this very request; the same request will be refused again."""


class CallFailed(CallError):
    """A call was given up; its lineage stays unfinished."""
