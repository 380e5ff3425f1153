"""A small OpenAI-compatible server on a real socket: deterministic replies by prompt, faults on demand, exact counts.

It runs in a thread of its own, so that it outlives the processes that the tests kill.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import hashlib
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

Fault = str | tuple[int, dict[str, str], bytes]
"""A name of `_FAULTS` ("reset", "hang", "truncated", …) or (status, headers, body)."""


ABSURD_USAGE: list[Any] = [
    {"prompt_tokens": -5, "completion_tokens": -(10**30)},
    {"prompt_tokens": 10**18, "completion_tokens": 3},
    {"prompt_tokens": True, "completion_tokens": 1.5},
    {"prompt_tokens": "many", "completion_tokens": [1]},
    {"prompt_tokens": None},
    [1, 2],
    "none",
]
"""What servers have said that they counted, or might."""


@functools.cache
def make_bomb() -> bytes:
    """A hundred kilobytes that want to be a hundred megabytes."""
    return gzip.compress(b'{"choices":[{"message":{"content":"' + b"x" * (100 << 20), 1)


def no_fault(body: dict[str, Any], times_seen: int) -> Fault | None:
    """The well-behaved server."""
    return None


def last_message(body: dict[str, Any]) -> str:
    """What the client asked."""
    return str(body["messages"][-1]["content"])


def kind_of(body: dict[str, Any]) -> str:
    """Which role's request this is, told by the bundled pack's full prompts."""
    asked = last_message(body)
    if "<rated_instruction" in asked:
        return "score"
    if "<given_instruction>" in asked:
        return "evolve"
    return "judge" if "<first_instruction>" in asked else "respond"


def rated_texts(body: dict[str, Any]) -> list[str]:
    """The instructions of a scorer's request, in the order in which they are shown."""
    parts = last_message(body).split("<rated_instruction")[1:]
    return [part.partition(">\n")[2].partition("\n</rated_instruction>")[0] for part in parts]


def rate(body: dict[str, Any]) -> list[str]:
    """A line for each instruction that is rated: the more sentences, the higher."""
    ratings = [str(min(10, 2 + text.count("."))) for text in rated_texts(body)]
    is_joint = "<rated_instruction label=" in last_message(body)
    return [f"{place}: {rating}" for place, rating in enumerate(ratings, 1)] if is_joint else ratings


def reply_to(body: dict[str, Any]) -> str:
    """A reply that depends on the request alone; some evolutions are equal, copied or answered with an excuse."""
    draw = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest()
    match kind_of(body):
        case "score":
            return "\n".join(rate(body))
        case "judge":
            return "Equal" if draw[0] < 20 else "Not Equal"
        case "evolve":
            parent = last_message(body).split("<given_instruction>\n")[1].split("\n</given_instruction>")[0]
            if draw[0] < 10:
                return parent
            evolved = f"{parent} Consider case {draw.hex()[:6]}."
            return evolved if draw[0] < 60 else f"<new_instruction>\n{evolved}\n</new_instruction>"
        case _:
            return "I am sorry, I cannot do that." if draw[0] < 10 else f"Here is what matters: item {draw.hex()}."


def embed_letters(text: str) -> list[float]:
    """How often each of sixteen letters stands in a text."""
    return [float(text.count(letter)) + 0.1 for letter in "abcdefghijklmnop"]


@dataclass
class FakeServer:
    """The server; use it as a context manager.

    Attributes:
        reply: body to text.
        fault: (body, how often this body was seen before) to a fault or None.
        latency: body to seconds.
        embed: text to vector, of `/v1/embeddings`; of the faults there only those with a status.
        key: the only accepted key, "" for any.
        usage: whether replies tell token counts.
        tls: serve https.
        models: names of what it has.
        port: where it listens, 0 for any free one; kept when it is started again.
        counts: completed replies by request body.
        seen: requests by request body, whatever came of them.
        peak: most requests in flight at once.
    """

    reply: Callable[[dict[str, Any]], str] = reply_to
    fault: Callable[[dict[str, Any], int], Fault | None] = no_fault
    latency: Callable[[dict[str, Any]], float] = lambda body: 0.0
    embed: Callable[[str], list[float]] = embed_letters
    key: str = ""
    usage: bool = True
    tls: ssl.SSLContext | None = None
    models: list[str] = field(default_factory=lambda: ["model-a", "model-b"])
    port: int = 0
    counts: Counter[bytes] = field(default_factory=Counter)
    seen: Counter[bytes] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    peak: int = 0
    url: str = ""
    _in_flight: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(10)

    @property
    def total(self) -> int:
        """Replies given."""
        return sum(self.counts.values())

    def wait_until_idle(self) -> None:
        """Wait for requests of clients that are gone, which are still being answered."""
        deadline = time.monotonic() + 10
        while self._in_flight and time.monotonic() < deadline:
            time.sleep(0.01)

    def forget(self) -> None:
        """Start counting anew."""
        self.counts.clear()
        self.seen.clear()

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._main(ready))
        self._loop.close()

    async def _main(self, ready: threading.Event) -> None:
        self._stopped = asyncio.Event()
        app = web.Application(client_max_size=1 << 28)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_post("/v1/embeddings", self._embed)
        app.router.add_get("/v1/models", self._models)
        self.add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True, ssl_context=self.tls)
        await site.start()
        self.port = runner.addresses[0][1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v1"
        ready.set()
        await self._stopped.wait()
        await runner.cleanup()

    def add_routes(self, app: web.Application) -> None:
        """What a server can do beside chat completions."""

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": name} for name in self.models]})

    async def _embed(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        if (refusal := self._check_key(request)) is not None:  # an old aiohttp's responses are false
            return refusal
        body = json.loads(raw)
        times_seen = self.seen[raw]
        self.seen[raw] += 1
        await asyncio.sleep(self.latency(body))
        match self.fault(body, times_seen):
            case (status, headers, content):
                return web.Response(status=status, headers=headers, body=content)
            case str() as fault:
                raise AssertionError(fault)
        self.counts[raw] += 1
        rows = [{"index": place, "embedding": self.embed(text)} for place, text in enumerate(body["input"])]
        rows.reverse()  # the order is told by the index alone
        return web.json_response({"data": rows, "model": body["model"], "usage": {"total_tokens": len(raw) // 4}})

    def _check_key(self, request: web.Request) -> web.Response | None:
        self.headers.append(dict(request.headers))
        said = request.headers.get("Authorization", "")
        if not self.key or said == f"Bearer {self.key}":
            return None
        return web.json_response({"error": {"message": f"bad key {said}", "code": "invalid_api_key"}}, status=401)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        if (refusal := self._check_key(request)) is not None:  # an old aiohttp's responses are false
            return refusal
        body = json.loads(raw)
        times_seen = self.seen[raw]
        self.seen[raw] += 1
        self._in_flight += 1
        self.peak = max(self.peak, self._in_flight)
        try:
            await asyncio.sleep(self.latency(body))
            fault = self.fault(body, times_seen)
            if fault is not None:
                return await self._misbehave(request, fault, body)
            self.counts[raw] += 1
            return web.json_response(self.complete(body, self.reply(body)))
        finally:
            self._in_flight -= 1

    def complete(self, body: dict[str, Any], text: str | None, finish: str = "stop") -> dict[str, Any]:
        """The body of a reply."""
        completion: dict[str, Any] = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
        }
        if self.usage:
            prompt = sum(len(message["content"]) for message in body["messages"]) // 4
            completion["usage"] = {"prompt_tokens": prompt, "completion_tokens": len(text or "") // 4}
        return completion

    async def _misbehave(self, request: web.Request, fault: Fault, body: dict[str, Any]) -> web.StreamResponse:
        if not isinstance(fault, str):
            status, headers, content = fault
            return web.Response(status=status, headers=headers, body=content)
        whole = json.dumps(self.complete(body, self.reply(body) if body["messages"] else "")).encode()
        match fault:
            case "reset":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case "reset_mid_body":
                response = web.StreamResponse(headers={"Content-Length": str(len(whole))})
                await response.prepare(request)
                await response.write(whole[: len(whole) // 2])
                assert request.transport is not None
                request.transport.abort()
                return response
            case "hang":
                await asyncio.sleep(3600)
                return web.Response()
            case "truncated":
                return web.Response(body=whole[:-20], content_type="application/json")
            case "html":
                return web.Response(text="<html><body>It works!</body></html>", content_type="text/html")
            case "no_choices":
                return web.json_response({"choices": []})
            case "null":
                return web.json_response(self.complete(body, None))
            case "empty":
                return web.json_response(self.complete(body, ""))
            case "cut":
                return web.json_response(self.complete(body, "This sentence is cut at the", "length"))
            case "content_filter":
                return web.json_response(self.complete(body, None, "content_filter"))
            case "invalid_utf8":
                return web.Response(body=whole.replace(b'"content": "', b'"content": "\xff\xfe\xed\xa0'))
            case "wrong_type":
                return web.Response(body=whole, content_type="image/png")
            case "deep":
                return web.Response(body=b"[" * 100_000, content_type="application/json")
            case "deep_object":
                inside = b'{"a":' * 5000 + b"1" + b"}" * 5000
                return web.Response(body=b'{"choices":[{"message":{"content":%s}}]}' % inside)
            case "parts":
                return web.json_response({"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}]})
            case "absurd_usage":
                answer = self.complete(body, self.reply(body))
                answer["usage"] = ABSURD_USAGE[len(whole) % len(ABSURD_USAGE)]
                return web.json_response(answer)
            case "slowloris":
                return await self._drip(request, whole)
            case "slow_headers":
                return await self._drip_headers(request)
            case "huge":
                return await self._flood(request, b'{"choices":[{"message":{"content":"' + b"x" * (1 << 20), 100)
            case "gzip_bomb":
                return web.Response(body=make_bomb(), headers={"Content-Encoding": "gzip"})
        raise AssertionError(fault)

    @staticmethod
    async def _drip(request: web.Request, whole: bytes) -> web.StreamResponse:
        """A byte now and then, for as long as somebody listens."""
        response = web.StreamResponse(headers={"Content-Length": str(len(whole))})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for byte in whole:
                await response.write(bytes([byte]))
                await asyncio.sleep(0.05)
        return response

    @staticmethod
    async def _drip_headers(request: web.Request) -> web.StreamResponse:
        """Headers that never end."""
        number = 0
        while request.transport is not None and not request.transport.is_closing():
            request.transport.write(b"HTTP/1.1 200 OK\r\n" if not number else b"X-Header-%d: x\r\n" % number)
            number += 1
            await asyncio.sleep(0.05)
        return web.Response()

    @staticmethod
    async def _flood(request: web.Request, part: bytes, times: int) -> web.StreamResponse:
        """More than anybody wants to read."""
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(times):
                await response.write(part)
        return response
