"""Vectors of texts from an OpenAI-compatible endpoint, or from a GGUF model inside this process.

The `openai` package carries a batch to an endpoint and tries again (408, 409, 429, 5xx, broken connections; Retry-After
is obeyed up to a minute). A batch that is refused as it stands is halved, and a single text that is too long for the
model is cut in half until it fits. Redirects are not followed, so that a key cannot leave for another host, and a reply
is read no further than MAX_BODY_BYTES, whatever it is packed as.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from evol.backends.client import MAX_BODY_BYTES
from evol.backends.endpoint import NO_KEY, find_base_urls, find_key
from evol.backends.local import INSTALL_RUNTIME, find_embedded_weights
from evol.config import ModelConfig
from evol.errors import CallRejected, EndpointError

RETRIES = 8
"""About a minute, when the server does not say how long to wait."""
TIMEOUT = 120.0
"""Seconds of one attempt."""
CONTEXT = 2048
"""Tokens of a text that a model inside this process takes, at most."""

_LARGEST = 3.4e38  # vectors are kept as 32-bit floats; what is larger would be infinite there
_MOST_TOKENS = 20_000_000  # of one request: a larger count would only break the sum
_SHORTEST = 200
"""Characters; a shorter text is not cut further."""
_WRONG_MODEL = "check --embed-model: does it make embeddings, and is --embed-base-url its place?"

Ask = Callable[[list[str]], Any]
"""One request: texts to the parsed body of the reply; raises CallRejected or EndpointError."""


class Embedder:
    """Makes vectors; `open_embedder` gives one.

    Args:
        label: the model, and where it is asked.
        ask: makes one request.

    Attributes:
        label: as given.
        cut: texts that were cut to fit.
        tokens: as far as the server counted them.
    """

    def __init__(self, label: str, ask: Ask) -> None:
        self.label = label
        self.cut = self.tokens = 0
        self._ask = ask

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """A vector for each text, all of one length.

        Raises:
            EndpointError: endpoint, key or model cannot be used.
        """
        try:
            body = self._ask(list(texts))
        except CallRejected as error:
            return self._embed_less(texts, error)
        vectors = read_vectors(body, len(texts), self.label)
        usage = body.get("usage")
        tokens = usage.get("total_tokens") if isinstance(usage, dict) else 0
        if isinstance(tokens, int) and not isinstance(tokens, bool) and 0 <= tokens < _MOST_TOKENS:
            self.tokens += tokens
        return vectors

    def _embed_less(self, texts: Sequence[str], error: CallRejected) -> list[list[float]]:
        half = len(texts) // 2
        if half:
            return self.embed(texts[:half]) + self.embed(texts[half:])
        if len(texts[0]) <= _SHORTEST:
            raise EndpointError(f"{self.label}: {error}", _WRONG_MODEL) from None
        self.cut += 1
        return self.embed([texts[0][: len(texts[0]) // 2]])


def open_embedder(model: ModelConfig) -> Embedder:
    """Make ready whoever makes vectors; asks nothing yet of an endpoint.

    Args:
        model: who is asked; a local one is loaded here.

    Raises:
        EndpointError: no key, no weights, no runtime.
        ConfigError: OPENAI_BASE_URL is no URL.
    """
    return _open_local(model) if model.is_local else _open_endpoint(model)


def read_vectors(body: Any, count: int, label: str) -> list[list[float]]:
    """Read the body of an embeddings reply, in the order of its indices.

    Raises:
        EndpointError: it is none, or not of so many texts.
    """
    try:
        rows = [(int(row.get("index", place)), row["embedding"]) for place, row in enumerate(body["data"])]
        if not all(isinstance(vector, list) for _, vector in rows):
            raise TypeError  # noqa: TRY301 - as bad as no embeddings; a text of digits is none
        vectors = [[float(value) for value in vector] for _, vector in sorted(rows, key=lambda row: row[0])]
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError):
        raise EndpointError(f"{label}: the reply holds no embeddings", _WRONG_MODEL) from None
    if len(vectors) != count or sorted(index for index, _ in rows) != list(range(count)):
        raise EndpointError(f"{label}: {len(vectors)} embeddings for {count} texts", _WRONG_MODEL)
    if len({len(vector) for vector in vectors}) != 1 or not vectors[0]:
        raise EndpointError(f"{label}: embeddings of different lengths", _WRONG_MODEL)
    if not all(abs(value) <= _LARGEST for vector in vectors for value in vector):  # of no NaN this is so
        raise EndpointError(f"{label}: embeddings that are no finite numbers", _WRONG_MODEL)
    return vectors


def _open_endpoint(model: ModelConfig) -> Embedder:
    import openai

    base = find_base_urls(model)[0].rstrip("/")
    key = find_key(model, base)
    label = f"{model.name} at {base}"

    def clean(text: object) -> str:
        shown = " ".join(str(text).split())
        return (shown.replace(key, "[key]") if len(key) >= 8 else shown)[:300]  # a cut key would be no key any more

    def ask(texts: list[str]) -> Any:
        try:
            limiter = _Limiter()
            http_client = openai.DefaultHttpxClient(
                follow_redirects=False,
                timeout=TIMEOUT,
                headers={"Accept-Encoding": "identity"},
                event_hooks={"response": [limiter.read]},
            )
            with openai.OpenAI(
                api_key=key or NO_KEY, base_url=base, max_retries=RETRIES, timeout=TIMEOUT, http_client=http_client
            ) as client:
                raw = client.embeddings.with_raw_response
                reply = raw.create(model=model.name, input=texts, encoding_format="float")
            if limiter.is_cut:
                raise EndpointError(f"{label}: a reply of over {MAX_BODY_BYTES:,} bytes", _WRONG_MODEL)
            return orjson.loads(reply.content)
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            said = f"{label}: HTTP {error.status_code}: {clean(error.message)}"
            raise EndpointError(said, f"check the key in the environment variable {model.api_key_env}") from None
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            raise CallRejected(f"HTTP {error.status_code}: {clean(error.message)}", error.status_code) from None
        except openai.APIStatusError as error:
            said = f"HTTP {error.status_code}: {clean(error.message)}"
            if error.status_code == 413 or "too large to process" in said:  # llama.cpp says it with a 500
                raise CallRejected(said, error.status_code) from None
            hint = "try again later" if error.status_code == 429 or error.status_code >= 500 else _WRONG_MODEL
            raise EndpointError(f"{label}: {said}", hint) from None
        except openai.APIConnectionError as error:
            why = clean(error.__cause__ or error)
            raise EndpointError(f"{label}: cannot connect: {why}", "check --embed-base-url, or try later") from None
        except ValueError:
            raise EndpointError(f"{label}: the reply is not JSON", _WRONG_MODEL) from None

    return Embedder(label, ask)


class _Limiter:
    """Reads replies as far as MAX_BODY_BYTES and TIMEOUT allow, and takes them as they are: they may be packed bombs.

    Attributes:
        is_cut: the last reply was longer.
    """

    def __init__(self) -> None:
        self.is_cut = False

    def read(self, response: Any) -> None:
        """Read a body; the client calls this before it does."""
        httpx = importlib.import_module(type(response).__module__.partition(".")[0])  # of newer SDKs httpx2
        response.headers.pop("Content-Encoding", None)
        body, deadline = bytearray(), time.monotonic() + TIMEOUT
        try:
            for block in response.stream:
                body += block
                self.is_cut = len(body) > MAX_BODY_BYTES
                if self.is_cut:
                    body.clear()
                    break
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout(f"no whole reply within {TIMEOUT:.0f} s", request=response.request)
        finally:
            response.stream.close()
        response.stream = httpx.ByteStream(bytes(body))


def _open_local(model: ModelConfig) -> Embedder:
    if importlib.util.find_spec("xllamacpp") is None:
        raise EndpointError("the runtime of the local model is not installed", INSTALL_RUNTIME)
    path = Path(model.model) if model.model else find_embedded_weights()
    if not path.is_file():
        raise EndpointError(f"{path}: no such file", "name a GGUF file")

    @functools.cache
    def load() -> Any:
        server = _load(path, pooling=None)
        if "error" not in _ask_local(server, ["a"]):
            return server
        # made for text, not for vectors: the mean over a text's tokens must do
        return _load(path, pooling="LLAMA_POOLING_TYPE_MEAN")

    def ask(texts: list[str]) -> Any:
        body = _ask_local(load(), texts)
        if "error" in body:
            raise CallRejected(str(body["error"].get("message", "")) if isinstance(body["error"], dict) else "")
        return body

    # two files of one name are hardly of one size
    return Embedder(f"{model.name} ({path.stat().st_size:,} bytes) on this machine", ask)


def _load(path: Path, pooling: str | None) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.embedding = True
    if pooling:
        params.pooling_type = getattr(xllamacpp.llama_pooling_type, pooling)
    params.n_parallel = 1
    params.n_ctx = params.n_batch = params.n_ubatch = CONTEXT
    params.verbosity = 0
    # as in `backends.local`: one thread too many on a busy machine is a hundred times slower
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, (os.cpu_count() or 2) - 1)
    try:
        return xllamacpp.Server(params)
    except Exception as error:  # noqa: BLE001 - the binding raises what C++ throws
        raise EndpointError(f"{path}: cannot be loaded as a GGUF model: {error}", "check the file") from None


def _ask_local(server: Any, texts: list[str]) -> dict[str, Any]:
    body = server.handle_embeddings({"input": texts, "model": "local"})
    found: dict[str, Any] = body if isinstance(body, dict) else {"error": {"message": str(body)[:300]}}
    return found
