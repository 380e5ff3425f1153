"""The Responder: an instruction alone in one user message, answered by an LLM. Pure."""

from __future__ import annotations

from evol.records import Message


def build_response_messages(instruction: str, system: str) -> list[Message]:
    """One user message that holds the instruction alone; a system message only if configured."""
    user = {"role": "user", "content": instruction}
    return [{"role": "system", "content": system}, user] if system else [user]
