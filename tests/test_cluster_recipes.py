"""The recipes in configs/cluster and the README do what they say, as far as a machine without GPU can tell."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import Evol, read_outputs

ROOT = Path(__file__).parent.parent
RECIPES = ROOT / "configs" / "cluster"


@pytest.fixture
def shell(evol: Evol, write_seeds: Callable[..., Path]) -> Callable[..., None]:
    """Runs a command of a recipe beside 12 seeds, with `evol` and the endpoint in its environment."""
    write_seeds(12)
    (evol.folder / "bin").mkdir()
    program = evol.folder / "bin" / "evol"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evol.cli "$@"\n')
    program.chmod(0o755)

    def run(*command: str, **more: str) -> None:
        path = f"{evol.folder / 'bin'}:{os.environ['PATH']}"
        ran = subprocess.run(
            command,
            cwd=evol.folder,
            env=evol.environment(PATH=path, **more),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr

    return run


def collect_and_compare(evol: Evol) -> None:
    """What the recipe's shards give when joined is what one run gives."""
    names = [str(path.relative_to(evol.folder)) for path in (evol.folder / "shards").iterdir()]
    assert evol.call("collect", "output", *names).returncode == 0
    assert evol.run("seeds.jsonl", "--generations", "1", "--out", "whole").returncode == 0
    assert read_outputs(evol.folder / "output") == read_outputs(evol.folder / "whole")


def test_the_slurm_script_runs_every_shard(evol: Evol, shell: Callable[..., None]) -> None:
    """As Slurm starts it: arguments after the script's name, the index in the environment."""
    for index in (1, 2):
        arguments = ("seeds.jsonl", "--generations", "1", "--model", "m", "--base-url", evol.url)
        shell("bash", str(RECIPES / "slurm.sh"), *arguments, SLURM_ARRAY_TASK_ID=str(index), SHARDS="2")
    collect_and_compare(evol)


def test_the_kubernetes_job_runs_every_shard(evol: Evol, shell: Callable[..., None]) -> None:
    """The container's own command for each index from 0; SHARDS is the number of completions."""
    job = yaml.safe_load((RECIPES / "kubernetes.yaml").read_text())
    [container] = job["spec"]["template"]["spec"]["containers"]
    [shards] = [entry["value"] for entry in container["env"] if entry["name"] == "SHARDS"]
    assert job["spec"]["completionMode"] == "Indexed"
    assert int(shards) == job["spec"]["completions"]
    [script] = container["args"]
    script = script.replace("NAME", "m --generations 1").replace("http://vllm:8000/v1", evol.url)
    for index in (0, 1):
        shell(*container["command"], script, SHARDS="2", JOB_COMPLETION_INDEX=str(index))
    collect_and_compare(evol)


def test_the_readmes_lines_for_parallel_run_every_shard(evol: Evol, shell: Callable[..., None]) -> None:
    """GNU parallel puts each number in the place of {}; here the shell does."""
    [command] = re.findall(r"^seq 8 \| parallel -j 4 '(.*)'", (ROOT / "README.md").read_text(), re.MULTILINE)
    command = command.replace("NAME --base-url URL", f"m --generations 1 --base-url {evol.url}").replace("/8", "/2")
    for number in (1, 2):
        shell("sh", "-c", command.replace("{}", str(number)))
    collect_and_compare(evol)


@pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")
def test_the_readmes_lines_run_in_gnu_parallel(evol: Evol, shell: Callable[..., None]) -> None:
    """The very line, where GNU parallel is installed."""
    [line] = re.findall(r"^(seq 8 \| parallel -j 4 .*')", (ROOT / "README.md").read_text(), re.MULTILINE)
    shell("sh", "-c", line.replace("NAME", "m --generations 1").replace("URL", evol.url))
    collect_and_compare(evol)


def read_fields(source: Path, name: str) -> set[str]:
    """The annotated fields of a class, read from its source without importing it."""
    [found] = [
        node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.ClassDef) and node.name == name
    ]
    return {
        node.target.id for node in found.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::pydantic.PydanticDeprecatedSince20")
def test_the_serve_recipe_has_ray_serves_keys() -> None:
    """Serve's own schema takes the file, and its LLM settings have fields of these names (vLLM itself needs a GPU)."""
    from ray.serve.config import AutoscalingConfig
    from ray.serve.schema import DeploymentSchema, ServeDeploySchema

    recipe: dict[str, Any] = yaml.safe_load((RECIPES / "ray_serve_llm.yaml").read_text())
    ServeDeploySchema.model_validate(recipe)
    [application] = recipe["applications"]
    module, _, builder = application["import_path"].partition(":")
    spec = importlib.util.find_spec("ray")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    entry = package.joinpath(*module.split(".")[1:], "__init__.py")
    assert f"def {builder}(" in entry.read_text()
    configs = package / "llm" / "_internal" / "serve" / "core" / "configs" / "llm_config.py"
    [llm] = application["args"]["llm_configs"]
    assert set(llm) <= read_fields(configs, "LLMConfig")
    assert set(llm["model_loading_config"]) <= read_fields(configs, "ModelLoadingConfig")
    deployment = llm["deployment_config"]
    DeploymentSchema.model_validate({"name": "llm", **deployment})
    AutoscalingConfig.model_validate(deployment["autoscaling_config"])
