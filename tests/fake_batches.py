"""The fake server with a Batch API: files, batches, expiry, partial errors, slow polling, failing, cancelling.

A batch moves on by one state whenever it is looked at. What is paid is counted by `custom_id`, wherever it was asked.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from fake_server import FakeServer, Fault

Line = dict[str, Any]


@dataclass
class FakeBatch:
    """One batch.

    Attributes:
        id: of the batch.
        lines: its requests.
        metadata: as it was created with.
        looks: how often it was looked at.
        fate: how it ends: completed, expired, cancelled, failed.
        share: of its requests that are answered before it expires or is cancelled.
        answered: how many were.
        error: (code, message, line) of a batch that fails.
    """

    id: str
    input_id: str
    lines: list[Line]
    metadata: dict[str, str]
    created: int
    looks: int = 0
    state: str = "validating"
    fate: str = "completed"
    share: float = 1.0
    error: tuple[str, str, int | None] = ("", "", None)
    output_id: str = ""
    error_id: str = ""
    answered: int = 0


@dataclass
class FakeBatchServer(FakeServer):
    """The server; `plan` decides what becomes of each batch, `event` may do something at each step.

    Attributes:
        plan: is given each new batch, with its number from 0.
        event: name of a step ("upload", "create", "created", "look", "list", "fetch") and how often it came; a status
            or a whole reply to answer with, "hang", "reset" or "flood", or None.
        tell: may change what is said of a batch.
        slowness: looks that a batch stays in progress.
        page: batches on one page of the list.
        oldest_first: order of the list; OpenAI has the newest first.
        has_batches: whether it has a Batch API at all.
        shuffle: results stand in another order than requests.
        paid: answered requests by custom_id, of the batches.
        batches: by id, oldest first.
        files: by id.
        names: of the files, by id.
    """

    plan: Callable[[FakeBatch, int], None] = lambda batch, number: None
    event: Callable[[str, int], int | Fault | None] = lambda name, times: None
    tell: Callable[[dict[str, Any], FakeBatch], dict[str, Any]] = lambda told, batch: told
    slowness: int = 1
    page: int = 2
    shuffle: bool = True
    has_batches: bool = True
    oldest_first: bool = False
    paid: Counter[str] = field(default_factory=Counter)
    batches: dict[str, FakeBatch] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    edit: Callable[[bytes, str], bytes] = lambda content, kind: content

    def add_routes(self, app: web.Application) -> None:
        """Files and batches."""
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{id}/content", self._fetch)
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{id}", self._look)

    @property
    def asked(self) -> Counter[str]:
        """Requests by custom_id over all batches, whatever became of them."""
        return Counter(str(line["custom_id"]) for batch in self.batches.values() for line in batch.lines)

    async def _check(self, request: web.Request, name: str) -> web.StreamResponse | None:
        if not self.has_batches:
            return web.json_response({"error": {"message": "no such path"}}, status=404)
        if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
            said = request.headers.get("Authorization", "")
            return web.json_response({"error": {"message": f"bad key {said}", "code": "invalid_api_key"}}, status=401)
        fault = self.event(name, self.events[name])
        self.events[name] += 1
        if fault == "flood":
            return await self._flood(request, b"x" * (1 << 20), 1000)
        if isinstance(fault, int):
            return web.json_response({"error": {"message": f"{name} is out of order"}}, status=fault)
        return None if fault is None else await self._misbehave(request, fault, {"model": "", "messages": []})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        if (refusal := await self._check(request, "upload")) is not None:
            return refusal
        assert form["purpose"] == "batch"
        file = form["file"]
        assert isinstance(file, web.FileField)
        file_id = f"file-{len(self.files)}"
        self.files[file_id] = file.file.read()
        self.names[file_id] = file.filename
        self.event("uploaded", self.events["uploaded"])
        self.events["uploaded"] += 1
        return web.json_response({"id": file_id, "object": "file", "purpose": "batch", "filename": file.filename})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if (refusal := await self._check(request, "create")) is not None:
            return refusal
        asked = await request.json()
        assert asked["endpoint"] == "/v1/chat/completions"
        assert asked["completion_window"] == "24h"
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert len({line["body"]["model"] for line in lines}) == 1
        assert len({line["custom_id"] for line in lines}) == len(lines) <= 50_000
        assert all(line["method"] == "POST" and line["url"] == "/v1/chat/completions" for line in lines)
        number = len(self.batches)
        batch = FakeBatch(f"batch_{number}", asked["input_file_id"], lines, asked["metadata"], int(time.time()))
        self.plan(batch, number)
        self.batches[batch.id] = batch
        status = self.event("created", self.events["created"])
        self.events["created"] += 1
        if status is not None:  # it stands, but the client does not learn of it
            assert isinstance(status, int)
            return web.json_response({"error": {"message": "bad gateway"}}, status=status)
        return web.json_response(self._describe(batch))

    async def _list(self, request: web.Request) -> web.StreamResponse:
        if (refusal := await self._check(request, "list")) is not None:
            return refusal
        newest_first = list(self.batches.values()) if self.oldest_first else list(reversed(self.batches.values()))
        after = request.query.get("after")
        begin = 1 + [batch.id for batch in newest_first].index(after) if after else 0
        page = newest_first[begin : begin + self.page]
        has_more = begin + self.page < len(newest_first)
        return web.json_response({"data": [self._describe(batch) for batch in page], "has_more": has_more})

    async def _look(self, request: web.Request) -> web.StreamResponse:
        if (refusal := await self._check(request, "look")) is not None:
            return refusal
        batch = self.batches.get(request.match_info["id"])
        if batch is None:
            return web.json_response({"error": {"message": "no such batch"}}, status=404)
        batch.looks += 1
        if batch.fate == "failed":
            batch.state = "failed"
        elif batch.state in ("validating", "in_progress", "finalizing", "cancelling") and batch.looks > self.slowness:
            self._end(batch)
        elif batch.state == "validating":
            batch.state = "in_progress"
        return web.json_response(self._describe(batch))

    async def _fetch(self, request: web.Request) -> web.StreamResponse:
        if (refusal := await self._check(request, "fetch")) is not None:
            return refusal
        return web.Response(body=self.files[request.match_info["id"]], content_type="application/octet-stream")

    def _end(self, batch: FakeBatch) -> None:
        """Answer what the batch has time for."""
        batch.state = batch.fate
        answered: list[bytes] = []
        others: list[bytes] = []
        for number, line in enumerate(batch.lines):
            kind, result = self._answer(batch, line, in_time=number < batch.share * len(batch.lines))
            if kind:
                (answered if kind == "output" else others).append(orjson.dumps(result))
        batch.answered = len(answered)
        for kind, lines in (("output", answered), ("error", others)):
            if self.shuffle:
                random.Random(len(lines)).shuffle(lines)
            if lines:
                file_id = f"file-{len(self.files)}"
                self.files[file_id] = self.edit(b"".join(line + b"\n" for line in lines), kind)
                setattr(batch, f"{kind}_id", file_id)

    def _answer(self, batch: FakeBatch, line: Line, *, in_time: bool) -> tuple[str, Line]:
        body, key = line["body"], line["custom_id"]
        result: Line = {"id": f"batch_req_{key[:8]}", "custom_id": key, "response": None, "error": None}
        if not in_time:
            result["error"] = {"code": f"batch_{batch.fate}", "message": "not executed in time"}
            return "error", result
        raw = orjson.dumps(body)
        times, self.seen[raw] = self.seen[raw], self.seen[raw] + 1
        fault = self.fault(body, times)
        if fault == "missing":
            return "", result
        if isinstance(fault, tuple):
            status, _, content = fault
            result["response"] = {"status_code": status, "request_id": "r", "body": json.loads(content)}
            return "error", result
        contents = {"empty": "", "null": None, "cut": "This sentence is cut at the", "content_filter": None}
        text = contents[fault] if fault else self.reply(body)
        finish = {"cut": "length", "content_filter": "content_filter"}.get(fault or "", "stop")
        self.counts[raw] += 1
        self.paid[key] += 1
        result["response"] = {"status_code": 200, "request_id": "r", "body": self.complete(body, text, finish)}
        return "output", result

    def _describe(self, batch: FakeBatch) -> dict[str, Any]:
        has_ended = batch.state in ("completed", "expired", "cancelled")
        code, message, line = batch.error
        told = {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": batch.input_id,
            "completion_window": "24h",
            "status": batch.state,
            "created_at": batch.created,
            "expires_at": batch.created + 86400,
            "metadata": batch.metadata,
            "output_file_id": batch.output_id or None,
            "error_file_id": batch.error_id or None,
            "errors": {"data": [{"code": code, "message": message, "line": line}]} if batch.state == "failed" else None,
            "request_counts": {
                "total": len(batch.lines),
                "completed": batch.answered,
                "failed": len(batch.lines) - batch.answered if has_ended else 0,
            },
        }
        return self.tell(told, batch)
