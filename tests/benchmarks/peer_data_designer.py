"""Driver for NVIDIA's DataDesigner, run by the interpreter of its own venv: URL PROMPTS CONCURRENCY FOLDER.

Its own way: the prompts as a seed data set and one LLM text column over them; the model's probe and telemetry are off.
"""

# The venv of the peer alone has what is imported here.
# mypy: disable-error-code="import-not-found,import-untyped"
from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> None:
    """Make the calls; print how many replies came back."""
    import data_designer.config as dd
    import pandas as pd
    from data_designer.interface import DataDesigner

    url, prompts, concurrency, folder = sys.argv[1:]
    rows = pd.DataFrame({"asked": [json.loads(line) for line in Path(prompts).read_text().splitlines()]})
    designer = DataDesigner(
        artifact_path=folder,
        model_providers=[dd.ModelProvider(name="fake", endpoint=url, provider_type="openai", api_key="none")],
    )
    designer.set_run_config(
        dd.RunConfig(buffer_size=len(rows), otel_metrics_port=None, jinja_rendering_engine="native")
    )
    builder = dd.DataDesignerConfigBuilder(
        model_configs=[
            dd.ModelConfig(
                alias="fake",
                model="fake",
                provider="fake",
                skip_health_check=True,
                inference_parameters=dd.ChatCompletionInferenceParams(
                    max_parallel_requests=int(concurrency), max_tokens=2048, temperature=1.0, top_p=0.9
                ),
            )
        ]
    )
    builder.with_seed_dataset(dd.DataFrameSeedSource(df=rows))
    builder.add_column(dd.LLMTextColumnConfig(name="reply", prompt="{{ asked }}", model_alias="fake"))
    found = designer.create(builder, num_records=len(rows)).load_dataset()
    sys.stdout.write(json.dumps({"replies": sum(1 for reply in found["reply"] if reply)}) + "\n")


if __name__ == "__main__":
    main()
