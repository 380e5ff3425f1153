"""The HTTP calls of the Batch API: upload a file, create a batch, look at it, find it again, fetch its results.

One attempt each; nothing here retries, for a second `create` may be paid twice, and redirects are never followed.
Facts are of OpenAI's API reference ("Files", "Batch"): purpose `batch`, completion window `24h`, metadata.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from evol.backends.blotting import Blot
from evol.backends.client import CONNECT_TIMEOUT, MOST_SAID, find_proxy, interpret_refusal, read_body, say
from evol.batchfiles import CHAT_URL
from evol.errors import CallRejected, EndpointError, TransientCallError
from evol.files import open_atomically, translate_storage_errors

ENDED = ("completed", "failed", "expired", "cancelled")
"""States in which nothing more comes."""
INTENT_KEY = "evol_intent"
"""Our name in a batch's metadata."""
TRANSFER_TIMEOUT = 3600.0
"""Seconds that a file may take, up or down."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")  # it becomes part of a URL
_MOST_WORD = 40  # characters of a state or a code
_LATEST = 1e11  # seconds since the epoch; a later time is none
_PAGE = 100
_MOST_PAGES = 50
_SLACK = 3600.0  # seconds that two clocks may differ


@dataclass(frozen=True)
class Connection:
    """Where and as whom a model is asked.

    Attributes:
        label: model and endpoint, for messages.
        base: URL, without its final slash.
        headers: with the authorisation; kept from every message.
        secrets: strings to blot out of whatever a server says.
    """

    label: str
    base: str
    headers: dict[str, str]
    secrets: tuple[str, ...]


@dataclass(frozen=True)
class Batch:
    """What the server says of a batch.

    Attributes:
        id: the server's.
        state: its word: validating, in_progress, finalizing, cancelling, or one of ENDED.
        output_id: file of the requests that were answered, "" where there is none.
        error_id: file of the others.
        completed: requests.
        failed: requests.
        expires: seconds since the epoch, None where it does not say.
        error_code: of the first error of the batch itself.
        error: the same as a sentence.
    """

    id: str
    state: str
    output_id: str = ""
    error_id: str = ""
    completed: int = 0
    failed: int = 0
    expires: float | None = None
    error_code: str = ""
    error: str = ""

    @property
    def lacks_results(self) -> bool:
        """Whether results that are paid must be somewhere, and the server does not say where."""
        return not self.output_id and (self.completed > 0 or (self.state == "completed" and not self.error_id))


class BatchClient:
    """A session with one Batch API.

    Args:
        connection: where and as whom.
        timeout: seconds that one call may take; files may take longer.
    """

    def __init__(self, connection: Connection, timeout: float) -> None:
        self._base = connection.base
        self._headers = {**connection.headers, "Accept": "application/json"}
        self._headers.pop("Content-Type", None)
        self._blot = Blot(connection.secrets)
        self._timeout = min(timeout, 120.0)
        self._session: aiohttp.ClientSession | None = None

    async def upload(self, path: Path, name: str) -> str:
        """Upload a file of requests; its id.

        Args:
            path: the file.
            name: that the server shall know it by.
        """
        with translate_storage_errors(path):
            file = path.open("rb")
        with file:
            form = aiohttp.FormData()
            form.add_field("purpose", "batch")
            form.add_field("file", file, filename=name, content_type="application/jsonl")
            found = await self._ask("POST", "/files", data=form, seconds=TRANSFER_TIMEOUT)
        return self._read_text(found, "id")

    async def create(self, file_id: str, intent: str) -> Batch:
        """Create a batch of an uploaded file; where this fails without a clear word it may stand all the same."""
        body = {
            "input_file_id": file_id,
            "endpoint": CHAT_URL,
            "completion_window": "24h",
            "metadata": {INTENT_KEY: intent},
        }
        headers = {"Content-Type": "application/json"}
        return self._read_batch(await self._ask("POST", "/batches", data=orjson.dumps(body), headers=headers))

    async def look(self, batch_id: str) -> Batch:
        """What became of a batch."""
        return self._read_batch(await self._ask("GET", f"/batches/{batch_id}"))

    async def find(self, intent: str, since: float) -> Batch | None:
        """The batch whose metadata names an intent; None where the server has none.

        Args:
            intent: as it was given to `create`.
            since: seconds since the epoch; older batches need not be looked at.
        """
        after = ""
        for _ in range(_MOST_PAGES):
            page = await self._ask("GET", f"/batches?limit={_PAGE}" + (f"&after={after}" if after else ""))
            found = page.get("data")
            batches = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
            for one in batches:
                metadata = one.get("metadata")
                if isinstance(metadata, dict) and metadata.get(INTENT_KEY) == intent:
                    return self._read_batch(one)
            if not batches or not page.get("has_more"):
                return None
            first, last = (_read_count(one.get("created_at")) for one in (batches[0], batches[-1]))
            if first > last and last < since - _SLACK:  # newest first, as OpenAI lists them
                return None
            after = self._read_text(batches[-1], "id")
        return None

    async def fetch(self, file_id: str, path: Path, most_bytes: int) -> None:
        """Store the content of a file, whole or not at all, without the key.

        Args:
            file_id: of the file.
            path: where it shall stand.
            most_bytes: a larger file is none of results.

        Raises:
            EndpointError: it is larger.
            StorageError: the disk refused.
        """
        url = f"/files/{file_id}/content"
        size, rest = 0, b""
        async with self._open("GET", url, TRANSFER_TIMEOUT) as response:
            with open_atomically(path) as writer:
                blocks = response.content.iter_chunked(1 << 18)
                while True:
                    with self._translate(f"GET {url}", TRANSFER_TIMEOUT):  # a broken connection is no full disk
                        block = await anext(blocks, b"")
                    size += len(block)
                    if size > most_bytes:
                        response.close()
                        raise EndpointError(
                            f"{self._base}: GET {url}: over {most_bytes:,} bytes, which is no file of results",
                            "the same command asks again; ask the service what it holds",
                        )
                    rest = self._blot.stored(rest + block)
                    end = len(rest) - self._blot.overlap if block else len(rest)
                    writer.write_block(rest[: max(0, end)])
                    rest = rest[max(0, end) :]
                    if not block:
                        break

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(
        self, method: str, path: str, data: Any = None, headers: dict[str, str] | None = None, seconds: float = 0.0
    ) -> dict[str, Any]:
        async with self._open(method, path, seconds or self._timeout, data, headers) as response:
            body = await read_body(response)
        with contextlib.suppress(ValueError):
            found = orjson.loads(body)
            if isinstance(found, dict):
                return found
        raise TransientCallError(f"{method} {path.partition('?')[0]}: the reply is no JSON object", 200)

    @contextlib.asynccontextmanager
    async def _open(
        self, method: str, path: str, seconds: float, data: Any = None, headers: dict[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A good reply; every other one is raised as what it means."""
        if self._session is None:
            self._session = aiohttp.ClientSession(proxy=find_proxy(self._base))
        what = f"{method} {path.partition('?')[0]}"
        silence = self._timeout if method == "GET" else None  # a server may think long about a file that it was sent
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_TIMEOUT, sock_read=silence)
        with self._translate(what, seconds):
            async with self._session.request(
                method,
                self._base + path,
                data=data,
                headers=self._headers | (headers or {}),
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                if not 200 <= response.status < 300:
                    self._refuse(what, response.status, await response.content.read(1 << 16), response.headers)
                yield response

    @contextlib.contextmanager
    def _translate(self, what: str, seconds: float) -> Iterator[None]:
        try:
            yield
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL, aiohttp.ConnectionTimeoutError) as error:
            raise TransientCallError(self._blot.text(f"{what}: cannot connect: {error}"), unreachable=True) from None
        except TimeoutError as error:
            seconds = self._timeout if isinstance(error, aiohttp.SocketTimeoutError) else seconds
            raise TransientCallError(f"{what}: no reply within {seconds:g} s") from None
        except (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError) as error:
            said = str(error) or type(error).__name__
            raise TransientCallError(self._blot.text(f"{what}: the connection broke: {said}")) from None

    def _refuse(self, what: str, status: int, body: bytes, headers: Any) -> None:
        try:
            interpret_refusal(self._base, status, headers, body, self._blot)
        except (TransientCallError, CallRejected) as error:
            error.message = f"{what}: {error.message}"
            error.args = (error.message,)
            raise
        raise EndpointError(f"{self._base}: {what}: HTTP {status}", "check what the service says about the account")

    def _read_text(self, found: dict[str, Any], key: str) -> str:
        value = found.get(key)
        if not isinstance(value, str) or not _ID.fullmatch(value) or self._blot.finds_key(value):
            raise TransientCallError(f"the reply holds no usable {key}", 200)
        return value

    def _say(self, value: object, most: int = MOST_SAID) -> str:
        return self._blot.text(say(value))[:most]

    def _read_batch(self, found: dict[str, Any]) -> Batch:
        counts = found.get("request_counts")
        counts = counts if isinstance(counts, dict) else {}
        errors = found.get("errors")
        data = errors.get("data") if isinstance(errors, dict) else None
        first = data[0] if isinstance(data, list) and data and isinstance(data[0], dict) else {}
        line = first.get("line")
        message = self._say(first.get("message") or "")
        expires = found.get("expires_at")
        return Batch(
            id=self._read_text(found, "id"),
            state=self._say(found.get("status"), _MOST_WORD),
            output_id=self._read_text(found, "output_file_id") if found.get("output_file_id") else "",
            error_id=self._read_text(found, "error_file_id") if found.get("error_file_id") else "",
            completed=_read_count(counts.get("completed")),
            failed=_read_count(counts.get("failed")),
            expires=float(expires) if isinstance(expires, int | float) and 0 < expires < _LATEST else None,
            error_code=self._say(first.get("code") or "", _MOST_WORD),
            error=f"line {line}: {message}" if isinstance(line, int) else message,
        )


def _read_count(value: Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0
