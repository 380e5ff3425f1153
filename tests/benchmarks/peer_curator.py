"""Driver for bespokelabs-curator, run by the interpreter of its own venv: URL PROMPTS CONCURRENCY FOLDER.

Its own way: an `LLM` over a list of prompts with the aiohttp backend for OpenAI-compatible servers, cache off, rate
limits out of the way. Its probe of the endpoint is made before the counts are reset.
"""

# The venv of the peer alone has what is imported here.
# mypy: disable-error-code="import-not-found,import-untyped"
from __future__ import annotations

import json
import sys
import urllib.request
from importlib import import_module
from pathlib import Path


def main() -> None:
    """Make the calls; print how many replies came back."""
    import_module(
        "litellm.litellm_core_utils.default_encoding"
    )  # names the tokenizer that litellm brings, else fetched
    from bespokelabs import curator

    url, prompts, concurrency, folder = sys.argv[1:]
    llm = curator.LLM(
        model_name="fake",
        backend="openai",
        generation_params={"max_tokens": 2048, "temperature": 1.0, "top_p": 0.9},
        backend_params={
            "base_url": url,
            "api_key": "none",
            "max_concurrent_requests": int(concurrency),
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 1_000_000_000_000,
        },
    )
    rows = [json.loads(line) for line in Path(prompts).read_text().splitlines()]
    with urllib.request.urlopen(f"{url.removesuffix('/v1')}/reset", data=b"") as reply:  # noqa: S310 - loopback
        reply.read()
    found = llm(rows, working_dir=folder).dataset
    sys.stdout.write(json.dumps({"replies": sum(1 for reply in found["response"] if reply)}) + "\n")


if __name__ == "__main__":
    main()
