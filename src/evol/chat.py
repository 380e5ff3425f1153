"""The body of a chat call: messages and sampling in OpenAI's chat-completions shape, serialised once."""

from __future__ import annotations

from typing import Any

import orjson

from evol.config import ModelConfig
from evol.draws import draw_integer
from evol.records import Message


def build_body(model: ModelConfig, messages: list[Message], random_seed: int, *purpose: str | int) -> bytes:
    """Serialise a request body; the same arguments give the same bytes (it is part of the journal key).

    Args:
        model: who is asked, with its sampling; a sampling key that is false is left out.
        messages: chat turns with `role` and `content`.
        random_seed: the run's; used only where the model's sampling says `seed = true`.
        purpose: what the sampling seed is drawn for: seed id, generation, role, ask number.
    """
    body: dict[str, Any] = {"model": model.name, "messages": messages, **model.settings}
    if model.sampling.seed and "seed" not in model.extra_body:
        body["seed"] = draw_integer(random_seed, "sampling", *purpose) >> 33  # fits a signed 32-bit integer
    return bytes(memoryview(orjson.dumps(body)))  # a copy: what orjson gives holds some 20 kB that it does not need
