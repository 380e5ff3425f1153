"""What a run needs beside its checked inputs: prices, backends and an estimate, found before anything is touched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evol.checks import Checked
from evol.plan import plan_run
from evol.pricing import find_prices
from evol.records import Estimate, Price, Role
from evol.session import Backends, make_backends


@dataclass(frozen=True)
class Launch:
    """Ready to be handed to `pipeline.run`.

    Attributes:
        backends: who plays which role.
        prices: USD by role, None where unknown.
        estimate: of the whole run.
        batches: how many follow one another, 0 where requests go one by one.
    """

    backends: Backends
    prices: Mapping[Role, Price | None]
    estimate: Estimate
    batches: int = 0


def prepare(checked: Checked) -> Launch:
    """Find who is asked, at what price, and what it will take.

    Raises:
        EndpointError: no key, or the local model's weights or runtime are missing.
        ConfigError: a limit on money that cannot be kept.
    """
    config = checked.config
    prices = find_prices(config.models, config.limits)
    backends = make_backends(config.models, config.limits)
    plan = plan_run(checked.read_seeds(), checked.seeds.count, config, checked.pack, prices)
    return Launch(backends, prices, plan.estimate, plan.batches)
