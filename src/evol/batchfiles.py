"""Lines of batch files: requests as the Batch API and `vllm run-batch` take them, and what comes back. Pure.

A line that goes out is `{"custom_id":…,"method":"POST","url":…,"body":…}`; `custom_id` is the journal key, 64 letters,
which is as long as services allow. A line that comes back holds the same `custom_id` and either a `response` (status
and body, an OpenAI reply or error) or an `error`; order means nothing. OpenAI writes a request that was never at work
with `response` null and an error whose code begins with `batch_`; vLLM writes a refused one with a response whose body
is null, and the error beside it, as an object or as a sentence.

Our own copy of a batch (`format_call`) also holds what the journal wants to know of each request. Sources of shapes and
limits: OpenAI's API reference, "Batch"; vLLM, `entrypoints/openai/run_batch.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from evol.backends.blotting import Blot
from evol.backends.client import (
    MAX_BODY_BYTES,
    MOST_SAID,
    find_status_inside,
    interpret_refusal,
    load_json,
    parse_completion,
    say,
)
from evol.errors import CallRejected, EmptyReplyError, TransientCallError
from evol.records import ALL_ROLES, Completion, CompletionRequest

MOST_REQUESTS = 50_000
"""Of one batch (OpenAI's limit)."""
MOST_BYTES = 200_000_000
"""Of one batch's file (OpenAI: 200 MB)."""
MOST_LINE_BYTES = MAX_BODY_BYTES + (1 << 16)
"""A longer line is no result: it holds no more than a reply and what goes around it."""
CHAT_URL = "/v1/chat/completions"

_KEY = re.compile(r"[0-9a-f]{64}")
_OUR_LINE = re.compile(rb'\{"custom_id":"[0-9a-f]{64}","method":"POST","url":')
_BODY = b',"body":'


@dataclass(frozen=True, slots=True)
class Result:
    """A line that came back.

    Attributes:
        custom_id: of the request.
        status: HTTP status of the reply, 0 where there is none.
        body: of the reply, or of the error, as JSON.
        error: what the line says beside a missing reply, "" for nothing.
        code: of that error.
        model: who answered, "" where the reply does not say.
    """

    custom_id: str
    status: int
    body: bytes
    error: str = ""
    code: str = ""
    model: str = ""


def format_request(key: str, body: bytes) -> bytes:
    """A line of a batch file, without its line feed."""
    return b'{"custom_id":"%s","method":"POST","url":"%s","body":%s}' % (key.encode(), CHAT_URL.encode(), body)


def is_our_request(start: bytes) -> bool:
    """Whether a file that begins like this holds requests that evol wrote."""
    return _OUR_LINE.match(start) is not None


def find_key(start: bytes) -> str:
    """The key of the first request of a file that evol wrote, by how it begins."""
    return start[len(b'{"custom_id":"') :][:64].decode()


def count_bytes(body: bytes) -> int:
    """What a request adds to a batch file."""
    return len(format_request("", body)) + 64 + 1


def format_call(request: CompletionRequest) -> bytes:
    """A line of our own copy of a batch, without its line feed."""
    head = {
        "key": request.key,
        "seed_id": request.seed_id,
        "generation": request.generation,
        "role": request.role,
        "ask": request.ask,
        "position": request.position,
    }
    return orjson.dumps(head)[:-1] + _BODY + request.body + b"}"


def parse_call(line: bytes) -> CompletionRequest:
    """A request of our own copy.

    Raises:
        ValueError: not what `format_call` writes.
    """
    found = orjson.loads(line)
    # quotes inside strings are escaped, so the first of these bytes are those between head and body
    body = line.rstrip(b"\n")[line.find(_BODY) + len(_BODY) : -1]
    try:
        request = CompletionRequest(
            found["seed_id"], found["generation"], found["role"], found["ask"], body, found["position"]
        )
    except (KeyError, TypeError):
        raise ValueError("not a request") from None
    if request.key != found.get("key") or request.role not in ALL_ROLES:
        raise ValueError("not the request it was")
    return request


def to_request_line(call: bytes) -> bytes:
    """The line of the batch file for a line of our own copy, both with line feed."""
    key = call[len(b'{"key":"') :][:64]
    return format_request(key.decode(), call.rstrip(b"\n")[call.find(_BODY) + len(_BODY) : -1]) + b"\n"


def split(sizes: Iterable[int], most_requests: int = MOST_REQUESTS, most_bytes: int = MOST_BYTES) -> Iterator[int]:
    """Yield how many of the next requests fit one batch, until all are placed.

    Args:
        sizes: of each request, in bytes of the batch file.
        most_requests: of one batch.
        most_bytes: of one batch; a request that is larger goes alone.
    """
    count = total = 0
    for size in sizes:
        if count and (count == most_requests or total + size > most_bytes):
            yield count
            count = total = 0
        count += 1
        total += size
    if count:
        yield count


def parse_result(line: bytes) -> Result:
    """What a line that came back holds.

    Raises:
        ValueError: it is no such line; with a short reason.
    """
    try:
        parsed = load_json(line)
    except ValueError:
        raise ValueError("not valid JSON") from None
    if not isinstance(parsed, dict):
        raise ValueError("not an object")  # noqa: TRY004 - of a text, not of a program
    custom_id, response, error = parsed.get("custom_id"), parsed.get("response"), parsed.get("error")
    if not isinstance(custom_id, str) or not custom_id:
        raise ValueError("no custom_id")
    if "response" not in parsed and "error" not in parsed:
        raise ValueError(
            "a request, not a result" if "body" in parsed and "url" in parsed else "neither response nor error"
        )
    message, code = _read_message(error)
    if response is None:
        return Result(custom_id, 0, b"", message or "no response", code)
    if not isinstance(response, dict):
        raise ValueError("the response is no object")  # noqa: TRY004 - of a text, not of a program
    status = response.get("status_code", 200)
    if not isinstance(status, int) or isinstance(status, bool) or not 100 <= status < 600:
        raise ValueError("the response's status_code is no HTTP status")
    body = response.get("body")
    if body is None and error is not None:  # vLLM: the refusal stands beside the response
        body = error if isinstance(error, dict) else {"error": {"message": message}}
        status = status if status >= 400 else 500
    model = body.get("model") if isinstance(body, dict) else None
    try:
        raw = orjson.dumps(body)
    except TypeError:
        raise ValueError("nested too deeply") from None
    return Result(custom_id, status, raw, message, code, model if isinstance(model, str) else "")


def interpret(result: Result, label: str, secrets: tuple[str, ...] = ()) -> Completion:
    """The outcome of a request, exactly as its endpoint's reply would be taken.

    Args:
        result: of the request.
        label: who answered, for messages.
        secrets: strings to blot out.

    Raises:
        TransientCallError: worth another attempt, or it never was at work (the batch expired before);
            `EmptyReplyError` for a reply without content.
        CallRejected: this request will be refused again.
        EndpointError: nothing can be had here (key, quota).
    """
    blot = Blot(secrets)
    if result.status == 0:
        said = f"{result.code}: {result.error}" if result.code else result.error
        raise TransientCallError(blot.text(said)[:MOST_SAID])
    status = find_status_inside(result.body) if result.status == 200 else result.status
    if status == 200:
        try:
            return blot.completion(parse_completion(result.body))
        except EmptyReplyError as error:
            error.finish_reason = blot.text(error.finish_reason)
            raise
    return interpret_refusal(label, status, {}, result.body, blot)


def is_same_refusal(errors: list[CallRejected]) -> bool:
    """Whether all refusals say the same, ids and numbers aside."""
    return len({(error.status, re.sub(r"[0-9a-f-]{8,}|\d+", "#", error.message)) for error in errors}) == 1


def is_same_model(asked: str, told: str) -> bool:
    """Whether a reply may be of the model that was asked; services add a date to the name, servers cut a path off."""
    if not told:
        return True
    asked, told = asked.lower(), told.lower()
    return told == asked or told.startswith((f"{asked}-", f"{asked}@", f"{asked}:")) or _last(told) == _last(asked)


def is_key(custom_id: str) -> bool:
    """Whether this can be one of our keys."""
    return _KEY.fullmatch(custom_id) is not None


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


def _read_message(error: Any) -> tuple[str, str]:
    if isinstance(error, dict):
        inner = error.get("error")
        found = inner if isinstance(inner, dict) else error
        code = found.get("code")
        return say(found.get("message") or ""), code if isinstance(code, str) else ""
    return say(error or ""), ""
