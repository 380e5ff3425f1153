"""The training mix's formats: each writes only the columns its reader wants. Pure.

Sources: TRL "Dataset formats and types" (prompt-completion, conversational), OpenAI chat messages, Stanford Alpaca's
README, FastChat's ShareGPT shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def format_trl(instruction: str, response: str) -> dict[str, Any]:
    """`prompt` and `completion` as message lists; TRL then trains on the completion alone."""
    return {
        "prompt": [{"role": "user", "content": instruction}],
        "completion": [{"role": "assistant", "content": response}],
    }


def format_messages(instruction: str, response: str) -> dict[str, Any]:
    """One list of chat messages."""
    return {"messages": [{"role": "user", "content": instruction}, {"role": "assistant", "content": response}]}


def format_alpaca(instruction: str, response: str) -> dict[str, Any]:
    """Alpaca's three columns; `input` is empty, for evolved instructions carry their own."""
    return {"instruction": instruction, "input": "", "output": response}


def format_sharegpt(instruction: str, response: str) -> dict[str, Any]:
    """ShareGPT's conversations."""
    return {"conversations": [{"from": "human", "value": instruction}, {"from": "gpt", "value": response}]}


FORMATS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "trl": format_trl,
    "messages": format_messages,
    "alpaca": format_alpaca,
    "sharegpt": format_sharegpt,
}
