"""Driver for distilabel, run by the interpreter of its own venv: URL PROMPTS CONCURRENCY FOLDER.

Its own way: a pipeline of one `TextGeneration` step over the prompts, cache off. It waits for a whole batch before it
sends the next, so a batch as large as the concurrency is the most it keeps in flight.
"""

# The venv of the peer alone has what is imported here.
# mypy: disable-error-code="import-not-found,import-untyped"
from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """Make the calls; print how many replies came back."""
    from distilabel.models.llms import OpenAILLM
    from distilabel.pipeline import Pipeline
    from distilabel.steps import LoadDataFromDicts
    from distilabel.steps.tasks import TextGeneration

    url, prompts, concurrency, folder = sys.argv[1:]
    rows = [{"instruction": json.loads(line)} for line in Path(prompts).read_text().splitlines()]
    with Pipeline(name="benchmark", cache_dir=folder) as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=int(concurrency))
        generate = TextGeneration(
            llm=OpenAILLM(
                model="fake",
                base_url=url,
                api_key="none",
                generation_kwargs={"max_new_tokens": 2048, "temperature": 1.0, "top_p": 0.9},
            ),
            input_batch_size=int(concurrency),
            add_raw_output=False,
            add_raw_input=False,
        )
        load >> generate
    found = pipeline.run(use_cache=False)["default"]["train"]
    sys.stdout.write(json.dumps({"replies": sum(1 for reply in found["generation"] if reply)}) + "\n")


if __name__ == "__main__":
    main()
