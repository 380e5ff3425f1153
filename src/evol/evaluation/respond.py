"""`evol respond`: a model's responses to a question file, one request for each question."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evol.chat import build_body
from evol.cleaning import strip_thinking
from evol.config import ModelConfig, RunConfig
from evol.evaluation.inputs import read_questions
from evol.evaluation.jobs import FileJob, Task
from evol.evaluation.records import Question, ResponseRow
from evol.lineage import Complete
from evol.records import CompletionRequest
from evol.responder import build_response_messages

SAMPLING_DEFAULTS: dict[str, Any] = {
    "models": {"default": {"sampling": {"temperature": 0.0, "top_p": False, "frequency_penalty": False}}}
}
"""A test wants the likeliest response, not a drawn one; the config may say otherwise."""


@dataclass(frozen=True)
class Responder:
    """Who responds.

    Attributes:
        model: with its sampling and system message.
        random_seed: for models whose sampling says `seed = true`.
    """

    model: ModelConfig
    random_seed: int

    def build_request(self, question: Question, position: int) -> CompletionRequest:
        """The request for one question's response."""
        messages = build_response_messages(question.instruction, self.model.system)
        body = build_body(self.model, messages, self.random_seed, question.id, 0, "responder", 1)
        return CompletionRequest(question.id, 0, "responder", 1, body, position)

    async def respond(self, question: Question, position: int, complete: Complete) -> ResponseRow:
        """Ask for one response; thinking is removed, an empty response stays empty."""
        reply = await complete(self.build_request(question, position))
        return ResponseRow(
            id=question.id,
            instruction=question.instruction,
            skill=question.skill,
            difficulty=question.difficulty,
            response=strip_thinking(reply.text).text,
            model=self.model.name,
            finish_reason=reply.finish_reason,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
        )


def plan_responses(questions_path: Path, out: Path, config: RunConfig) -> FileJob[ResponseRow]:
    """Read the questions and say what there is to do.

    Raises:
        InputError: names file and line of a fault in the questions.
    """
    questions = read_questions(questions_path)
    responder = Responder(config.responder_model, config.random_seed)
    tasks = [
        Task(question.id, functools.partial(responder.respond, question, position))
        for position, question in enumerate(questions)
    ]
    settings = describe_model(config.responder_model, config.random_seed) | {"system": config.responder_model.system}
    return FileJob("evol respond", out, settings, {"responder": config.responder_model}, config.limits, tasks)


def describe_model(model: ModelConfig, random_seed: int) -> dict[str, Any]:
    """What of a model's settings changes requests."""
    settings = {
        "model": model.name,
        "sampling": model.sampling.model_dump(mode="json"),
        "max_tokens_field": model.max_tokens_field,
        "extra_body": model.extra_body,
    }
    return settings | ({"random_seed": random_seed} if model.sampling.seed else {})
