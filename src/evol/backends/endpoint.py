"""Any OpenAI-compatible endpoint. The `openai` package resolves key, base URL, organisation and project."""

from __future__ import annotations

import ipaddress
import os
from urllib.parse import urlsplit

from evol.backends.batchclient import Connection
from evol.backends.client import ChatClient
from evol.config import ModelConfig, check_url
from evol.errors import ConfigError, EndpointError

_OPENAI = "https://api.openai.com/v1"
NO_KEY = "not-needed"
"""Sent where a server of one's own asks for none; the SDK insists on a value."""


def find_base_urls(model: ModelConfig) -> tuple[str, ...]:
    """Where a model is asked: its own base URLs, else OPENAI_BASE_URL, else OpenAI.

    Raises:
        ConfigError: OPENAI_BASE_URL is no URL.
    """
    try:
        return model.base_urls or (check_url(os.environ.get("OPENAI_BASE_URL", "").strip()) or _OPENAI,)
    except ValueError as error:
        raise ConfigError(f"the environment variable OPENAI_BASE_URL: {error}") from None


def is_exposed(base_url: str) -> bool:
    """Whether what is sent to a URL can be read on the way: plain http to another machine."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme != "http" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return True


def find_key(model: ModelConfig, url: str) -> str:
    """The key of a model's environment variable, "" for a server of one's own that needs none.

    Args:
        model: who is asked.
        url: where.

    Raises:
        EndpointError: it holds no key, or none for OpenAI's own API.
    """
    key = os.environ.get(model.api_key_env, "").strip()
    if not key.isprintable() or not key.isascii():
        raise EndpointError(f"the environment variable {model.api_key_env} holds no key", "it has odd characters")
    if not key and urlsplit(url).hostname == "api.openai.com":
        raise EndpointError(
            f"the environment variable {model.api_key_env} holds no key for {url.rstrip('/')}",
            "set it, or name your own endpoint with --base-url",
        )
    return key


def connect(model: ModelConfig, url: str = "") -> Connection:
    """Where and as whom a model is asked.

    Args:
        model: who is asked.
        url: where, one of its base URLs; "" where it has none.

    Raises:
        EndpointError: no key, or none for OpenAI's own API.
        ConfigError: OPENAI_BASE_URL is no URL.
    """
    import openai  # half a second of imports that `evol --help` need not pay

    base_url = url or find_base_urls(model)[0]
    key = find_key(model, base_url)
    settings = openai.AsyncOpenAI(api_key=key or NO_KEY, base_url=base_url)
    base = str(settings.base_url).rstrip("/")
    headers = {name: value for name, value in settings.default_headers.items() if isinstance(value, str)}
    return Connection(f"{model.name} at {base}", base, {**headers, **settings.auth_headers}, (key,))


class EndpointBackend:
    """One model at one endpoint.

    Args:
        model: who is asked.
        url: where, one of its base URLs; "" where it has none.
        timeout: seconds one attempt may take.

    Raises:
        EndpointError: no key for OpenAI's own API.
        ConfigError: OPENAI_BASE_URL is no URL.
    """

    def __init__(self, model: ModelConfig, url: str, timeout: float) -> None:
        found = connect(model, url)
        self.label = found.label
        self.verified_by = self.label
        self._client = ChatClient(f"{found.base}/chat/completions", found.headers, timeout, found.secrets)
        self.complete = self._client.complete  # one frame less in every call

    async def list_models(self) -> list[str]:
        """Names of the models the endpoint says it has; empty where it does not say."""
        return await self._client.list_models()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()
