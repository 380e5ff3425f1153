"""A fake OpenAI-compatible endpoint, fast enough that it is not what limits a client: a raw asyncio protocol.

    python tests/benchmarks/endpoint.py [--port 8000] [--latency-ms 250 --sigma 1] [--slots 64] [--rpm 1200 …]

HTTP/1.1 with keep-alive: POST /v1/chat/completions, GET /v1/models, GET /stats (JSON), POST /reset. Bodies need a
Content-Length and may come in pieces; a request that comes while its connection still waits for a reply is taken up
after that reply. `--slots N` are N servers behind one first-in-first-out queue, as vLLM queues: never a 429, but
latency grows. `--rpm N` answers 429 beyond a limit. Replies are those of `replies.py`, service times of `latency.py`.

Prints one JSON line with its port when it listens. Not a server for anything but loopback measurements.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import os
import sys
from collections import deque
from typing import cast

import orjson
import uvloop
from endpoint_stats import EndpointStats
from latency import Latency
from limiters import Limiter, make_headers, make_limiter
from replies import make_reply

_HEADERS = b"\r\nserver: fake\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s"
_OK = b"HTTP/1.1 200 OK" + _HEADERS
_REFUSED = b"HTTP/1.1 429 Too Many Requests" + _HEADERS
_TOO_MANY = b'{"error":{"message":"Rate limit reached for requests","type":"requests","code":"rate_limit_exceeded"}}'
_MODELS = b'{"object":"list","data":[{"id":"fake","object":"model","created":1750000000,"owned_by":"benchmark"}]}'
_BAD = b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Job:
    """A chat call between its arrival and its reply."""

    __slots__ = ("body", "connection", "service", "timer")

    def __init__(self, connection: Connection, body: bytes, service: float) -> None:
        self.connection: Connection | None = connection
        self.body = body
        self.service = service
        self.timer: asyncio.TimerHandle | None = None


class Service:
    """Limiter, queue and servers behind all connections.

    Args:
        latency: of each request.
        slots: servers; 0 means as many as there are requests.
        limiter: None admits everything.
        retry_after: what a 429 says: `none`, `seconds` or `ms`.
        tells_limits: whether replies carry `x-ratelimit-*` headers.
    """

    def __init__(
        self, latency: Latency, slots: int, limiter: Limiter | None, retry_after: str, *, tells_limits: bool
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._latency = latency
        self._slots = slots
        self._limiter = limiter
        self._retry_after = retry_after
        self._tells_limits = tells_limits and limiter is not None
        self._queue: deque[Job] = deque()
        self.stats = EndpointStats()

    def reset(self) -> None:
        """Start counting anew; meant for an idle server."""
        self.stats = EndpointStats(in_flight=self.stats.in_flight, busy=self.stats.busy)

    def report(self) -> bytes:
        """The counts as JSON."""
        return orjson.dumps({**self.stats.report(self._loop.time()), "slots": self._slots})

    def receive(self, connection: Connection, body: bytes) -> Job | None:
        """Take a chat call; answers at once (None), or later through the job's connection."""
        now = self._loop.time()
        stats = self.stats
        stats.arrive(now, len(body))
        if self._limiter is not None and not self._limiter.admit(now):
            stats.reject(now)
            connection.write(_REFUSED % (self._write_headers(now, is_refused=True), len(_TOO_MANY), _TOO_MANY))
            return None
        stats.admit(now)
        service = self._latency.draw(body)
        if not service:
            stats.complete(now, 0.0)
            self._reply(connection, body, now)
            return None
        job = Job(connection, body, service)
        if self._slots and stats.busy >= self._slots:
            self._queue.append(job)
        else:
            self._start(job, now)
        return job

    def drop(self, job: Job) -> None:
        """The client of a call has gone: its place is given to the next."""
        job.connection = None
        self.stats.drop()
        if job.timer is not None:
            job.timer.cancel()
            self._free(self._loop.time())

    def _start(self, job: Job, now: float) -> None:
        self.stats.occupy(now, 1)
        job.timer = self._loop.call_later(job.service, self._finish, job)

    def _finish(self, job: Job) -> None:
        now = self._loop.time()
        connection = job.connection
        self._free(now)
        if connection is not None:
            self.stats.complete(now, job.service)
            self._reply(connection, job.body, now)
            connection.go_on()

    def _free(self, now: float) -> None:
        self.stats.occupy(now, -1)
        while self._queue:
            waiting = self._queue.popleft()
            if waiting.connection is not None:
                self._start(waiting, now)
                return

    def _reply(self, connection: Connection, body: bytes, now: float) -> None:
        reply = make_reply(body)
        headers = self._write_headers(now, is_refused=False) if self._tells_limits else b""
        connection.write(_OK % (headers, len(reply), reply))

    def _write_headers(self, now: float, *, is_refused: bool) -> bytes:
        assert self._limiter is not None
        headers = make_headers(self._limiter, now) if self._tells_limits else b""
        if is_refused and self._retry_after != "none":
            wait = self._limiter.next_permit(now)
            headers += b"retry-after: %d\r\n" % max(1, math.ceil(wait))
            if self._retry_after == "ms":
                headers += b"retry-after-ms: %d\r\n" % math.ceil(wait * 1000)
        return headers


class Connection(asyncio.Protocol):
    """One client connection; one call at a time."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = b""
        self._job: Job | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast("asyncio.Transport", transport)  # of uvloop, which derives from nothing

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._transport = None
        if self._job is not None:
            self._service.drop(self._job)
            self._job = None

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._job is None:
            self._take_requests()

    def write(self, data: bytes) -> None:
        """Send bytes, if anybody still listens."""
        if self._transport is not None:
            self._transport.write(data)

    def go_on(self) -> None:
        """The call in hand was answered."""
        self._job = None
        if self._buffer:
            self._take_requests()

    def _take_requests(self) -> None:
        while self._job is None and (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            start = self._buffer[:head].lower()
            mark = start.find(b"\r\ncontent-length:")
            size = int(start[mark + 17 :].split(b"\r\n", 1)[0]) if mark >= 0 else 0
            end = head + 4 + size
            if len(self._buffer) < end:
                return
            body, self._buffer = self._buffer[head + 4 : end], self._buffer[end:]
            self._answer(start, body, has_length=mark >= 0)

    def _answer(self, start: bytes, body: bytes, *, has_length: bool) -> None:
        if start.startswith(b"post /v1/chat/completions "):
            if not has_length:
                self._refuse(b"411 Length Required")
            else:
                self._job = self._service.receive(self, body)
        elif start.startswith(b"get /v1/models "):
            self.write(_OK % (b"", len(_MODELS), _MODELS))
        elif start.startswith(b"get /stats "):
            report = self._service.report()
            self.write(_OK % (b"", len(report), report))
        elif start.startswith(b"post /reset "):
            self._service.reset()
            self.write(_OK % (b"", 2, b"{}"))
        else:
            self._refuse(b"404 Not Found")

    def _refuse(self, status: bytes) -> None:
        self.write(_BAD % status)
        self._buffer = b""
        if self._transport is not None:
            self._transport.close()


async def _serve(options: argparse.Namespace) -> None:
    limiter = make_limiter(options.limiter, options.rpm, options.burst) if options.rpm else None
    service = Service(
        Latency(options.latency_ms / 1000, options.sigma),
        options.slots,
        limiter,
        options.retry_after,
        tells_limits=options.ratelimit_headers,
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", options.port, backlog=8192)
    sys.stdout.write(orjson.dumps({"port": server.sockets[0].getsockname()[1]}).decode() + "\n")
    sys.stdout.flush()
    gc.freeze()
    gc.set_threshold(100_000)  # next to nothing here is cyclic
    if options.until_stdin_closes:
        closed = asyncio.Event()
        loop.add_reader(0, lambda: None if os.read(0, 4096) else closed.set())
        await closed.wait()
    else:
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A fake OpenAI-compatible endpoint for measurements on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--core", type=int, help="stay on this core")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="mean service time of a call")
    parser.add_argument("--sigma", type=float, default=0.0, help="log-normal service times; 0: constant")
    parser.add_argument("--slots", type=int, default=0, help="servers behind one queue; 0: no queue")
    parser.add_argument("--rpm", type=int, default=0, help="requests a minute, 429 beyond; 0: no limit")
    parser.add_argument("--limiter", choices=["bucket", "fixed", "sliding"], default="bucket")
    parser.add_argument("--burst", type=int, default=20, help="capacity of the bucket")
    parser.add_argument("--retry-after", choices=["none", "seconds", "ms"], default="none", help="what a 429 says")
    parser.add_argument("--ratelimit-headers", action="store_true", help="send OpenAI's x-ratelimit-* headers")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the process that started this one")
    options = parser.parse_args()
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    try:
        uvloop.run(_serve(options))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
