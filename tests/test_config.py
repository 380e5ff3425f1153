"""Configuration: defaults, file, flags, roles; faults name file and key; what the fingerprint holds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from evol.chat import build_body
from evol.config import EMBEDDED_MODEL, EliminatorConfig, ModelConfig, RunConfig, Sampling, find_slots, load_config
from evol.errors import ConfigError
from evol.records import ROLES, Role

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.toml"))

Load = Callable[..., RunConfig]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Loads a TOML text with flags over it."""

    def load_text(text: str, flags: dict[str, Any] | None = None) -> RunConfig:
        path = tmp_path / "run.toml"
        path.write_text(text, encoding="utf-8")
        return load_config(path, flags or {})

    return load_text


def test_without_anything_the_embedded_model_serves() -> None:
    """No file and no flag: the paper's four generations, the local model with what a small one can bear."""
    config = load_config(None, {})
    assert (config.generations, config.out, config.seeds, config.random_seed) == (4, "output", "", 0)
    assert config.evolver_model.is_local
    assert config.evolver_model.name == EMBEDDED_MODEL
    assert config.prompt_variant == "short"
    assert config.judge_scope == "off"
    assert find_slots(config.models, config.limits, "evolver") == 4
    assert config.evolver_model.sampling.max_tokens == 400


def test_an_endpoint_gets_the_papers_settings() -> None:
    """Temperature 1, top_p 0.9, 2048 tokens, no frequency penalty; the judge sees in-depth operations; 80 words."""
    config = load_config(None, {"models": {"default": {"model": "m"}}})
    assert config.evolver_model.sampling == Sampling(
        temperature=1.0, top_p=0.9, max_tokens=2048, frequency_penalty=0.0, seed=False
    )
    assert (config.prompt_variant, config.judge_scope) == ("full", "in-depth")
    assert find_slots(config.models, config.limits, "judge") is None
    assert (config.eliminator.profile, config.eliminator.sorry_words) == ("strict", 80)
    assert config.evolver_model == config.judge_model == config.responder_model


def test_the_papers_config_uses_the_papers_profile() -> None:
    """`configs/wizardlm.toml` reproduces the paper: its four rules and no others, the judge on in-depth operations."""
    [path] = [path for path in CONFIGS if path.name == "wizardlm.toml"]
    assert load_config(path, {}).eliminator == EliminatorConfig(profile="paper", judge="in-depth")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_every_ready_config_loads(path: Path) -> None:
    """A file of configs/ is valid as it is."""
    assert load_config(path, {}).generations >= 1


def test_there_are_ready_configs() -> None:
    """The folder that the README names is not empty."""
    assert CONFIGS


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [("", {}, 4), ("generations = 2", {}, 2), ("generations = 2", {"generations": 6}, 6), ("", {"generations": 6}, 6)],
)
def test_flag_beats_file_beats_default(load: Load, text: str, flags: dict[str, Any], expected: int) -> None:
    """The nearest setting wins."""
    assert load(text, flags).generations == expected


def test_a_flag_leaves_its_neighbours_alone(load: Load) -> None:
    """`--model` changes the model and keeps the file's sampling and limits."""
    config = load(
        "[models.default]\nmodel = 'a'\nbase_url = 'http://h/v1/'\nsampling.top_p = 0.5\n[limits]\nmax_calls = 9\n",
        {"models": {"default": {"model": "b"}}, "limits": {"concurrency": 3}},
    )
    assert (config.judge_model.model, config.judge_model.base_url) == ("b", "http://h/v1")
    assert config.judge_model.sampling.top_p == 0.5
    assert (config.limits.max_calls, config.limits.concurrency) == (9, 3)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_inherits_and_its_own_table_wins(load: Load, role: Role) -> None:
    """A role takes over what it does not set itself; its own model beats `--model`."""
    config = load(
        "[models.default]\nmodel = 'base'\nbase_url = 'http://h/v1'\n[models.default.sampling]\ntemperature = 0.3\n"
        f"top_p = 0.4\n[models.{role}]\nmodel = 'own'\n[models.{role}.sampling]\ntop_p = false\n",
        {"models": {"default": {"model": "flag"}}},
    )
    for each in ROLES:
        model = config.model_of(each)
        assert model.model == ("own" if each == role else "flag")
        assert model.base_url == "http://h/v1"
        assert model.sampling.temperature == 0.3
        assert model.sampling.top_p == (False if each == role else 0.4)


def test_a_role_may_go_local(load: Load) -> None:
    """A role with the embedded model leaves the default's endpoint behind and gets the local sampling."""
    config = load("[models.default]\nmodel = 'm'\nbase_url = 'http://h/v1'\n[models.judge]\nmodel = ''\n")
    assert config.judge_model.is_local
    assert (config.judge_model.base_url, config.judge_model.sampling.max_tokens) == ("", 400)
    assert config.evolver_model.base_url == "http://h/v1"
    assert (
        find_slots(config.models, config.limits, "evolver"),
        find_slots(config.models, config.limits, "responder"),
    ) == (None, None)


def test_a_local_file_goes_by_its_name(load: Load, tmp_path: Path) -> None:
    """A GGUF is local, whatever its case, and is called by its file name in rows."""
    (tmp_path / "tiny.GGUF").touch()
    config = load(f"[models.default]\nmodel = '{tmp_path}/tiny.GGUF'\nsampling.max_tokens = 99\n")
    assert config.evolver_model.is_local
    assert config.evolver_model.name == "tiny.GGUF"
    assert config.evolver_model.sampling == Sampling(temperature=0.7, max_tokens=99, seed=True)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("generation = 4", "'generation'"),
        ("[model.default]\nmodel = 'a'", "'model'"),
        ("[evolver_model]\nmodel = 'a'", "'evolver_model'"),
        ("[models.judgee]\nmodel = 'a'", "[models.judgee]"),
        ("[models.default]\nmodle = 'a'", "models.default.modle"),
        ("[models.judge]\nmodel = 'a'\nsampling.temprature = 1", "models.judge.sampling.temprature"),
        ("[models.default]\nmodel = 'a'\nsampling.n = 2", "models.default.sampling.n"),
        ("[evolver]\nwieghts = {}", "evolver.wieghts"),
        ("[eliminator]\nsorry = 80", "eliminator.sorry"),
        ("[limits]\nrpm = -1", "limits.rpm"),
        ("generations = '4'", "generations"),
        ("generations = 4.0", "generations"),
        ("generations = true", "generations"),
        ("generations = -1", "generations"),
        ("generations = 101", "generations"),
        ("limit = 0", "limit"),
        ("random_seed = 'x'", "random_seed"),
        (f"random_seed = {2**64}", "random_seed"),
        ("seed_responses = 'drop'", "seed_responses"),
        ("out = 3", "out"),
        ("seeds = ['a.jsonl']", "seeds"),
        ("models = 3", "models"),
        ("models.default = 'gpt'", "models.default"),
        ("[models.judge]\nsampling = 1", "models.judge.sampling"),
        ("[models.default]\nmodel = 3", "models.default.model"),
        ("[models.judge]\nmodel = 'a'\nmax_tokens_field = 'max'", "models.judge.max_tokens_field"),
        ("[models.judge]\nmodel = 'a'\nextra_body = 1", "models.judge.extra_body"),
        ("[models.default]\nmodel = 'a'\nsampling.temperature = 'hot'", "models.default.sampling.temperature"),
        ("[models.default]\nmodel = 'a'\nsampling.temperature = true", "models.default.sampling.temperature"),
        ("[models.default]\nmodel = 'a'\nsampling.temperature = nan", "models.default.sampling.temperature"),
        ("[models.default]\nmodel = 'a'\nsampling.top_p = inf", "models.default.sampling.top_p"),
        ("[models.default]\nmodel = 'a'\nextra_body.min_p = nan", "models.default.extra_body"),
        ("[models.default]\nmodel = 'a'\nsampling.max_tokens = 0", "models.default.sampling.max_tokens"),
        ("[models.default]\nmodel = 'a'\nsampling.max_tokens = true", "models.default.sampling.max_tokens"),
        ("[models.default]\nmodel = 'a'\nsampling.max_tokens = 1.5", "models.default.sampling.max_tokens"),
        ("[models.default]\nmodel = 'a'\nbase_url = 'localhost:8000'", "models.default.base_url"),
        ("[models.default]\nmodel = 'a'\nbase_url = 'ftp://h/v1'", "models.default.base_url"),
        ("[models.default]\nmodel = 'a'\nbase_url = 'http://'", "models.default.base_url"),
        ("[models.default]\nmodel = 'a'\nbase_url = 'http://[::1'", "models.default.base_url"),
        ("[models.default]\nmodel = 'a'\nbase_url = 'http://h:99999/v1'", "models.default.base_url"),
        ("evolver = 3", "evolver"),
        ("[evolver]\nprompts = 'long'", "evolver.prompts"),
        ("[evolver]\nweights = {deepen = -1}", "evolver.weights"),
        ("[evolver]\nweights = {deepen = 'x'}", "evolver.weights"),
        ("[evolver]\nweights = {deepen = nan}", "evolver.weights"),
        ("[evolver]\nweights = 3", "evolver.weights"),
        ("[evolver]\nbreadth_share = 1.1", "evolver.breadth_share"),
        ("[evolver]\nbreadth_share = -0.1", "evolver.breadth_share"),
        ("[evolver]\nbreadth_share = nan", "evolver.breadth_share"),
        ("[evolver]\nbreadth_share = true", "evolver.breadth_share"),
        ("[evolver]\nbreadth_share = '1/6'", "evolver.breadth_share"),
        ("[eliminator]\njudge = 'maybe'", "eliminator.judge"),
        ("[eliminator]\nsorry_words = -1", "eliminator.sorry_words"),
        ("[eliminator]\nprofile = 'lenient'", "eliminator.profile"),
        ("[eliminator]\nlength_factor = 'x'", "eliminator.length_factor"),
        ("[eliminator]\nlength_words = 1.5", "eliminator.length_words"),
        ("[eliminator]\nlength_words_input = -1", "eliminator.length_words_input"),
        ("[limits]\nconcurrency = 0", "limits.concurrency"),
        ("[limits]\nmax_calls = -1", "limits.max_calls"),
        ("[limits]\ntimeout = 0", "limits.timeout"),
        ("[limits]\ntimeout = '5m'", "limits.timeout"),
    ],
)
def test_a_fault_names_file_and_key(load: Load, tmp_path: Path, text: str, key: str) -> None:
    """What is wrong in a file is found before anything starts, in one sentence, in the file's own names."""
    with pytest.raises(ConfigError) as caught:
        load(text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'run.toml'}: ")
    assert key in message
    assert "\n" not in message


def test_a_huge_number_is_a_fault_of_the_file(load: Load) -> None:
    """Python refuses to parse an integer of 5000 digits; that is still the user's mistake."""
    with pytest.raises(ConfigError, match=r"run\.toml"):
        load("random_seed = " + "1" * 5000)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"generations 4", b"generations = 4\ngenerations = 5", b"a = " + b"[" * 100_000]
)
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes that do not parse are one error about the file."""
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.toml: not valid TOML"):
        load_config(path, {})


@pytest.mark.parametrize("name", ["none.toml", "."])
def test_a_config_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    """A missing file or a folder is the user's mistake."""
    with pytest.raises(ConfigError, match="check --config"):
        load_config(tmp_path / name, {})


def test_a_bom_is_accepted(tmp_path: Path) -> None:
    """A TOML file saved by a Windows editor reads like any other."""
    path = tmp_path / "run.toml"
    path.write_bytes(b"\xef\xbb\xbfgenerations = 2\r\n")
    assert load_config(path, {}).generations == 2


def test_a_wrong_flag_is_not_blamed_on_the_file(load: Load) -> None:
    """Where the file is right and the flag is wrong, the message does not send the user to the file."""
    with pytest.raises(ConfigError) as caught:
        load("generations = 3", {"generations": -1})
    assert "run.toml" not in str(caught.value)


@pytest.mark.parametrize("role", ["default", *ROLES])
def test_a_url_with_credentials_is_refused_and_not_repeated(load: Load, role: str) -> None:
    """A password in a URL is refused, and the refusal itself does not print it."""
    with pytest.raises(ConfigError, match=f"models.{role}.base_url") as caught:
        load(f"[models.{role}]\nmodel = 'a'\nbase_url = 'https://user:hunter2@host/v1'")
    assert "environment variable" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["x.gguf", "x" * 300 + ".gguf", "a\\u0000b.gguf"])
def test_a_missing_gguf_is_refused(load: Load, name: str) -> None:
    """A GGUF that is not there is found before anything starts, whatever its name."""
    with pytest.raises(ConfigError, match="no such GGUF file"):
        load(f'[models.default]\nmodel = "{name}"')


def test_an_endpoint_without_a_model_is_refused(load: Load) -> None:
    """A base URL alone would be ignored silently by the embedded model."""
    with pytest.raises(ConfigError, match="--model"):
        load("[models.default]\nbase_url = 'http://h/v1'")


@pytest.mark.parametrize("key", ["temperature", "top_p", "frequency_penalty", "max_tokens"])
def test_false_leaves_a_sampling_key_out(load: Load, key: str) -> None:
    """`false` takes the key out of the request and leaves the others in."""
    config = load(f"[models.default]\nmodel = 'm'\nsampling.{key} = false")
    body = orjson.loads(build_body(config.evolver_model, [{"role": "user", "content": "x"}], 0))
    assert {"temperature", "top_p", "frequency_penalty", "max_tokens", "seed"} - body.keys() == {key, "seed"}


@pytest.mark.parametrize("key", ["temperature", "top_p", "frequency_penalty"])
def test_zero_is_not_false(load: Load, key: str) -> None:
    """A temperature of 0 is sent as 0."""
    config = load(f"[models.default]\nmodel = 'm'\nsampling.{key} = 0")
    assert orjson.loads(build_body(config.evolver_model, [], 0))[key] == 0


def test_servers_that_differ_get_their_keys() -> None:
    """`max_tokens_field` renames the key, `extra_body` is laid over the request as it is."""
    model = ModelConfig(
        model="m", max_tokens_field="max_completion_tokens", extra_body={"top_k": 5, "temperature": 0.1, "a": {"b": []}}
    )
    body = orjson.loads(build_body(model, [], 0))
    assert body["max_completion_tokens"] == 2048
    assert "max_tokens" not in body
    assert (body["top_k"], body["temperature"], body["a"]) == (5, 0.1, {"b": []})


def test_the_sampling_seed_is_drawn_for_its_call() -> None:
    """`seed = true` sends a 31-bit integer that depends on the purpose and the random seed alone."""
    model = ModelConfig(model="m", sampling=Sampling(seed=True))

    def seed(random_seed: int, *purpose: str | int) -> int:
        return int(orjson.loads(build_body(model, [], random_seed, *purpose))["seed"])

    assert seed(0, "a", 1) == seed(0, "a", 1)
    assert len({seed(0, "a", 1), seed(0, "a", 2), seed(0, "b", 1), seed(1, "a", 1)}) == 4
    assert all(0 <= seed(0, "a", number) < 2**31 for number in range(200))


BASE = "[models.default]\nmodel = 'm'\nbase_url = 'http://h/v1'\n"


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("'m'", "'other'"),
        BASE + "sampling.temperature = 0.5",
        BASE + "sampling.top_p = false",
        BASE + "sampling.max_tokens = 100",
        BASE + "sampling.frequency_penalty = 0.1",
        BASE + "sampling.seed = true",
        BASE + "max_tokens_field = 'max_completion_tokens'",
        BASE + "extra_body.top_k = 1",
        BASE + "system = 'Be brief.'",
        BASE + "[models.judge]\nmodel = 'other'",
        BASE + "[models.responder]\nsampling.temperature = 0",
        BASE + "[evolver]\nweights.deepen = 2",
        BASE + "[evolver]\nbreadth_share = 0",
        "random_seed = 1\n" + BASE,
    ],
)
def test_the_fingerprint_changes_with_what_changes_requests(load: Load, text: str) -> None:
    """Another model, sampling, weight, system message or random seed is another run."""
    digests = {"evolver": "e", "judge": "j"}
    assert load(text).fingerprint(digests) != load(BASE).fingerprint(digests)


@pytest.mark.parametrize("role", ["evolver", "judge"])
def test_the_fingerprint_changes_with_the_prompts(load: Load, role: str) -> None:
    """Another text of the prompt pack is another run."""
    digests = {"evolver": "e", "judge": "j"}
    assert load(BASE).fingerprint(digests | {role: "x"}) != load(BASE).fingerprint(digests)


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("h/v1", "elsewhere:9/v2"),
        BASE + "api_key_env = 'OTHER'",
        BASE + "[limits]\nconcurrency = 7\nmax_calls = 3\ntimeout = 1\nretry_for = 1\ngive_up_after = 2",
        BASE + "[eliminator]\nsorry_words = 3\nprofile = 'paper'\nlength_factor = 2\nlength_words = 9",
        "generations = 9\nlimit = 2\nout = 'x'\nseeds = 's.jsonl'\nseed_responses = 'regenerate'\n" + BASE,
    ],
)
def test_the_fingerprint_ignores_the_rest(load: Load, text: str) -> None:
    """Host, key, limits, generations, seeds and thresholds may change between runs of a folder."""
    assert load(text).fingerprint({}) == load(BASE).fingerprint({})


def test_a_judge_that_is_not_asked_is_no_part_of_the_fingerprint(load: Load) -> None:
    """With the judge off, its model does not matter."""
    off = "[eliminator]\njudge = 'off'\n"
    assert "judge" not in load(BASE + off).fingerprint({})
    assert load(BASE + off + "[models.judge]\nmodel = 'x'").fingerprint({}) == load(BASE + off).fingerprint({})


def test_the_configuration_holds_no_key(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key's variable is named; its value is nowhere in what gets written to the manifest."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    config = load(BASE)
    assert config.evolver_model.api_key_env == "OPENAI_API_KEY"
    assert "sk-canary" not in f"{config.model_dump(mode='json')}{config.fingerprint({})}"
