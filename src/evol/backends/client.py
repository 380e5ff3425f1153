"""One HTTP chat call: bytes out, bytes in, and what every status and body means.

Shared by the endpoint and the local backend. aiohttp carries the call because its CPU cost per call is a sixth of the
SDK's own client and does not grow with the calls in flight. Redirects are never followed, so a key cannot travel to
another host, and whatever comes back has the key blotted out before anybody sees it. A server cannot fill the memory:
a reply is at most MAX_BODY_BYTES long, and few long ones are read at once. Nothing here retries.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from evol.backends.blotting import NOTHING_SECRET, Blot
from evol.errors import CallRejected, EmptyReplyError, EndpointError, TransientCallError
from evol.rates import RateHint, read_hint
from evol.records import (
    FINISH_CONTENT_FILTER,
    FINISH_CONTEXT_OVERFLOW,
    UNKNOWN_TOKENS,
    Completion,
    CompletionRequest,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from openai.types.chat import ChatCompletion  # the shape that `parse_completion` reads

MAX_BODY_BYTES = 16 * 1024 * 1024
"""A longer reply is no chat completion."""
SMALL_BODY_BYTES = 256 * 1024
"""What is longer waits its turn, so that a thousand long replies at once do not fill the memory."""
LONG_BODIES = 4
"""Longer replies that are read at once."""

CONNECT_TIMEOUT = 15.0
"""Seconds to reach the host."""

_MAX_TOKENS_COUNT = 20_000_000  # beyond any model's context: a figure that would only break the sums
MOST_SAID = 300
"""Characters of what a server said that a message repeats."""
_MAX_FINISH = 60
_QUOTA_CODES = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "quota_exceeded"}
_OVERFLOW_CODES = {"context_length_exceeded", "exceed_context_size_error", "string_above_max_length"}
# Servers without a code of their own for it (vLLM, SGLang, TGI) can only be told by their words.
_OVERFLOW_WORDS = (
    "maximum context length",
    "context window",
    "context size",
    "longer than the model",
    "too many tokens",
)
_FILTER_WORDS = ("moderation", "flagged")  # OpenRouter answers 403 for a single prompt
_FILTER_CODES = {"content_filter", "content_policy_violation", "responsibleaipolicyviolation"}


class ChatClient:
    """A session with one chat-completions URL.

    Args:
        url: the full URL of the chat call.
        headers: with the authorisation; kept from every message.
        timeout: seconds one attempt may take.
        secrets: strings to blot out of whatever a server says.
        use_proxy: whether proxies of the environment apply; not for a server inside this process.
    """

    def __init__(
        self, url: str, headers: dict[str, str], timeout: float, secrets: tuple[str, ...], *, use_proxy: bool = True
    ) -> None:
        self._url = url
        self._headers = {**headers, "Content-Type": "application/json", "Accept": "application/json"}
        self._timeout = timeout
        self._deadlines = _Deadlines(timeout)
        self._blot = Blot(secrets)
        self._long_bodies = asyncio.Semaphore(LONG_BODIES)
        self._proxy = find_proxy(url) if use_proxy else None
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: CompletionRequest) -> Completion:
        """Make one attempt; see `backends.base.Backend.complete`."""
        if self._session is None:
            # the gateway bounds the calls in flight; a second limit here would only hide queueing
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(None, sock_connect=min(self._timeout, CONNECT_TIMEOUT)),
                proxy=self._proxy,
            )
        try:
            with self._deadlines:
                async with self._session.post(
                    self._url, data=request.body, headers=self._headers, allow_redirects=False
                ) as response:
                    body = await read_body(response, self._long_bodies)
                    status, headers = response.status, response.headers
        except aiohttp.ConnectionTimeoutError:
            raise TransientCallError(f"cannot connect within {CONNECT_TIMEOUT:g} s", unreachable=True) from None
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise TransientCallError(
                self._blot.text(f"cannot connect: {error}")[:MOST_SAID], unreachable=True
            ) from None
        except TimeoutError:
            raise TransientCallError(f"no reply within {self._timeout:g} s") from None
        except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
            said = self._blot.text(f"the connection broke: {str(error) or type(error).__name__}")[:MOST_SAID]
            raise TransientCallError(said) from None
        if status == 200 and (status := find_status_inside(body)) == 200:
            try:
                return self._blot.completion(parse_completion(body, self._read_hint(headers)))
            except EmptyReplyError as error:
                error.finish_reason = self._blot.text(error.finish_reason)
                raise
            except TransientCallError as error:
                if not error.unreadable:
                    raise
                return self._blot.completion(parse_completion(self._blot.body(body)))  # what is quoted of it as well
        return interpret_refusal(self._url, status, headers, body, self._blot)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def list_models(self) -> list[str]:
        """Names of the models the server says it has; empty where it does not say."""
        if self._session is None:
            return []
        url = self._url.removesuffix("/chat/completions") + "/models"
        try:
            async with self._session.get(
                url, headers=self._headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=5)
            ) as response:
                parsed = orjson.loads(await read_body(response, self._long_bodies))
                return [self._blot.text(str(model["id"]))[:MOST_SAID] for model in parsed["data"]]
        except (aiohttp.ClientError, OSError, TimeoutError, TransientCallError, ValueError, KeyError, TypeError):
            return []

    def _read_hint(self, headers: Mapping[str, str]) -> RateHint | None:
        hint = read_hint(headers, time.time())
        if hint is not None and hint.odd:  # it will be quoted
            return read_hint(self._blot.headers(headers), time.time())
        return hint


class _Deadlines:
    """One timer for all calls in flight, where aiohttp would set and clear one for each, at a tenth of a call's CPU.

    `with deadlines:` around a call raises TimeoutError in it when its time is over, a second late at most.

    Args:
        timeout: seconds.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._due: dict[asyncio.Task[Any], float] = {}  # in the order of their deadlines, for all have the same time
        self._expired: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._due[task] = loop.time() + self._timeout
        if self._timer is None:
            self._timer = loop.call_later(min(1.0, self._timeout), self._look)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - as above
        self._due.pop(task, None)
        if task in self._expired:
            self._expired.discard(task)
            # another's cancellation that came together with ours goes on
            if task.uncancel() <= 0 and kind is asyncio.CancelledError:
                raise TimeoutError

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._due:
            task, due = next(iter(self._due.items()))
            if due > now:
                break
            del self._due[task]
            self._expired.add(task)
            task.cancel()
        wait = min(1.0, due - now) if self._due else 0.0
        self._timer = loop.call_later(wait, self._look) if self._due else None


def interpret_refusal(
    url: str, status: int, headers: Mapping[str, str], body: bytes, blot: Blot = NOTHING_SECRET
) -> Completion:
    """Raise what a status other than 200 means, or return the outcome it stands for.

    Args:
        url: who refused, for messages.
        status: of the reply.
        headers: of the reply.
        body: of the reply.
        blot: blots the key out, also where JSON hides it in escapes.

    Raises:
        EndpointError: nothing can be had here (key, quota).
        TransientCallError: worth another attempt.
        CallRejected: this request will be refused again.
    """
    message, codes = _read_error(blot.body(body))
    message = blot.text(message)[:MOST_SAID]
    said = f"HTTP {status}{f': {message}' if message else ''}"
    if status == 429 and codes & _QUOTA_CODES:
        raise EndpointError(f"{url}: {said}", "the quota is used up; check the account's plan and billing")
    if status == 403 and (codes & _FILTER_CODES or any(word in message.lower() for word in _FILTER_WORDS)):
        return Completion("", FINISH_CONTENT_FILTER)
    if status in (401, 403):
        raise EndpointError(f"{url}: {said}", "check the key in the environment variable and what it may use")
    if status in (408, 409, 425, 429) or status >= 500:
        hint = read_hint(blot.headers(headers), time.time())
        raise TransientCallError(said, status, hint.retry_after if hint else None, hint=hint)
    if status in (400, 413, 422) and (
        status == 413 or codes & _OVERFLOW_CODES or any(words in message.lower() for words in _OVERFLOW_WORDS)
    ):
        return Completion("", FINISH_CONTEXT_OVERFLOW)
    if status == 400 and codes & _FILTER_CODES:
        return Completion("", FINISH_CONTENT_FILTER)
    raise CallRejected(said, status)


def find_proxy(url: str) -> str | None:
    """The environment's proxy for a URL, looked up once: aiohttp's own `trust_env` asks a thread at every request."""
    parts = urlsplit(url)
    if urllib.request.proxy_bypass(parts.netloc):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


async def read_body(response: aiohttp.ClientResponse, long_bodies: asyncio.Semaphore | None = None) -> bytes:
    """A whole body.

    Args:
        response: whose.
        long_bodies: what bodies over SMALL_BODY_BYTES wait for.

    Raises:
        TransientCallError: it is longer than MAX_BODY_BYTES.
    """
    if (response.content_length or MAX_BODY_BYTES) <= SMALL_BODY_BYTES and "Content-Encoding" not in response.headers:
        return await response.read()
    chunks: list[bytes] = []
    size = 0
    async with contextlib.AsyncExitStack() as stack:
        async for chunk in response.content.iter_any():
            if long_bodies is not None and size <= SMALL_BODY_BYTES < size + len(chunk):
                await stack.enter_async_context(long_bodies)
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                response.close()
                chunks.clear()
                raise TransientCallError(f"a reply of over {MAX_BODY_BYTES:,} bytes", response.status, unreadable=True)
            chunks.append(chunk)
        return b"".join(chunks)


def parse_completion(body: bytes, hint: RateHint | None = None) -> Completion:
    """Read the body of a 200 reply, an OpenAI `ChatCompletion`.

    Args:
        body: as it came.
        hint: what its headers say about rates.

    Raises:
        TransientCallError: no JSON, no chat completion, no choices.
        EmptyReplyError: null or empty content that no finish reason explains.
    """
    try:
        parsed: ChatCompletion = load_json(body)
    except ValueError:
        start = body[:60].decode("utf-8", "replace").strip()
        raise TransientCallError(f"the reply is not JSON, it begins {start!r}", 200, unreadable=True) from None
    raw: Any = parsed
    choices = raw.get("choices") if isinstance(raw, dict) else None
    if not isinstance(choices, list) or not choices:
        raise TransientCallError("the reply holds no choices", 200, unreadable=True)
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise TransientCallError("the reply's first choice holds no message", 200, unreadable=True)
    content = message.get("content") or message.get("refusal") or ""
    if not isinstance(content, str):
        raise TransientCallError("the reply's content is no text", 200, unreadable=True)
    finish = choice.get("finish_reason")
    finish = finish[:_MAX_FINISH] if isinstance(finish, str) else ""
    usage = raw.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    tokens = _read_count(usage.get("prompt_tokens")), _read_count(usage.get("completion_tokens"))
    if not content.strip() and finish not in ("length", FINISH_CONTENT_FILTER):
        raise EmptyReplyError("the reply has no content", *tokens, finish)
    return Completion(content, finish, *tokens, hint)


def load_json(body: bytes) -> Any:
    """Parse a body; a lone surrogate, which some servers escape, becomes a replacement character.

    Raises:
        ValueError: not JSON.
    """
    try:
        return orjson.loads(body)
    except ValueError:
        try:
            text = json.dumps(json.loads(body), ensure_ascii=False)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        return orjson.loads(text.encode("utf-8", "replace"))


def find_status_inside(body: bytes) -> int:
    """The status of an error that a server wrapped into a 200 reply, else 200."""
    if not body.lstrip().startswith(b'{"error"'):
        return 200
    with contextlib.suppress(ValueError, TypeError, AttributeError):
        code = orjson.loads(body)["error"].get("code")
        return int(code) if str(code).isdecimal() and 400 <= int(code) < 600 else 500
    return 200


def _read_count(value: object) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_TOKENS_COUNT
    return int(value) if is_count else UNKNOWN_TOKENS  # type: ignore[call-overload]


def say(value: object) -> str:
    """A value out of a reply on one line, "" for one that is nested too deeply to be said."""
    with contextlib.suppress(TypeError):
        return " ".join((value if isinstance(value, str) else orjson.dumps(value).decode()).split())
    return ""


def _read_error(body: bytes) -> tuple[str, set[str]]:
    """An error body's message on one line, and its codes and types in lower case."""
    try:
        parsed = orjson.loads(body)
    except ValueError:
        text = body[:200].decode("utf-8", "replace")
        return ("" if "<" in text else " ".join(text.split())), set()
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if not isinstance(error, dict):
        return say(error), set()
    inner = error.get("innererror")
    codes = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    return say(error.get("message") or ""), {code.lower() for code in codes if isinstance(code, str)}
