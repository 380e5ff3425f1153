"""What each role costs: the config's price, nothing for the local model, else the tables of `genai-prices`."""

from __future__ import annotations

from collections.abc import Mapping

from evol.backends.endpoint import find_base_urls
from evol.config import LimitsConfig, ModelConfig
from evol.cost import look_up_price
from evol.errors import ConfigError
from evol.records import Price, Role

FREE = Price(input=0.0, output=0.0)


def find_prices(models: Mapping[Role, ModelConfig], limits: LimitsConfig) -> dict[Role, Price | None]:
    """The price of every role that is asked; None where it is unknown.

    Raises:
        ConfigError: a limit on tokens or money is set that could not be kept: a price is unknown, or replies have no
            bound.
    """
    prices: dict[Role, Price | None] = {}
    for role, model in models.items():
        if model.price is not None:
            prices[role] = model.price
        else:
            prices[role] = FREE if model.is_local else _find_highest(model)
        _check_limits(limits, model, role, prices[role])
    return prices


def _find_highest(model: ModelConfig) -> Price | None:
    """The highest of its endpoints' prices, for nobody knows which of them will serve."""
    found = [look_up_price(model.name, url) for url in find_base_urls(model)]
    known = [price for price in found if price is not None]
    if len(known) < len(found):
        return None
    if len(known) == 1:
        return known[0]  # with what it costs in batches, which one endpoint takes
    return Price(input=max(price.input for price in known), output=max(price.output for price in known))


def _check_limits(limits: LimitsConfig, model: ModelConfig, role: Role, price: Price | None) -> None:
    if limits.max_cost is not None and price is None:
        raise ConfigError(
            f"--max-cost cannot be kept: the price of {model.name} ({role}) is unknown",
            f"give it in the config: [models.{role}] price = {{ input = USD, output = USD }} for a million tokens",
        )
    if (limits.max_cost is not None or limits.max_tokens is not None) and model.max_output_tokens is None:
        flag = "--max-tokens" if limits.max_cost is None else "--max-cost"
        raise ConfigError(
            f"{flag} cannot be kept: requests to {model.name} ({role}) set no {model.max_tokens_field}",
            f"set max_tokens in [models.{role}.sampling]",
        )
