"""Optional libraries: a missing one is a user's mistake with one exact command to mend it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from evol.errors import UsageError


@contextlib.contextmanager
def need_extra(extra: str, purpose: str) -> Iterator[None]:
    """Wrap the import of an optional library.

    Args:
        extra: the extra of this package that brings it.
        purpose: what asked for it, e.g. "--dedupe near".

    Raises:
        UsageError: it is not installed.
    """
    try:
        yield
    except ImportError as error:
        missing = (error.name or "a library").partition(".")[0]
        raise UsageError(
            f"{purpose} needs {missing}, which is not installed",
            f"install it with: pip install 'evol-instruct[{extra}]'  (from a clone: pip install '.[{extra}]')",
        ) from None
