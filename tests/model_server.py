"""A small OpenAI-compatible server for models of `transformers`, on a real socket: greedy decoding on the CPU.

For models that a test has just trained. Each folder is served under its own name; calls are answered one after another.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import web


class ModelServer:
    """The server; use it as a context manager.

    Args:
        folders: saved models by the names under which they are served.
    """

    def __init__(self, folders: dict[str, Path]) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self._models = {
            name: (AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder))
            for name, folder in folders.items()
        }
        self.url = ""

    def __enter__(self) -> ModelServer:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._main(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(30)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(30)
        self._loop.close()

    async def _main(self, ready: threading.Event) -> None:
        self._stopped = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        ready.set()
        await self._stopped.wait()
        await runner.cleanup()

    async def _complete(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["model"] not in self._models:
            return web.json_response({"error": {"message": "no such model"}}, status=404)
        return web.json_response(self._generate(body))

    def _generate(self, body: dict[str, Any]) -> dict[str, Any]:
        model, tokenizer = self._models[body["model"]]
        prompt = tokenizer.apply_chat_template(
            body["messages"], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        most = int(body["max_tokens"])
        output = model.generate(**prompt, max_new_tokens=most, do_sample=False, pad_token_id=tokenizer.pad_token_id)
        tokens = output[0][prompt["input_ids"].shape[1] :].tolist()
        is_cut = tokenizer.eos_token_id not in tokens
        return {
            "object": "chat.completion",
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "length" if is_cut else "stop",
                    "message": {"role": "assistant", "content": tokenizer.decode(tokens, skip_special_tokens=True)},
                }
            ],
            "usage": {"prompt_tokens": prompt["input_ids"].shape[1], "completion_tokens": len(tokens)},
        }
