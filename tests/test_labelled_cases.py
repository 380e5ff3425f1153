"""The labelled set of evolutions: what the Eliminator made of each when the rules were last tuned, it still does."""

from __future__ import annotations

import pytest

from evol.config import EliminatorConfig
from evol.eliminator import check_case
from evol.packs import load_pack
from labelled_cases import read_case, read_records

RECORDS = read_records()
LABELS = load_pack("general", "full", {}).labels


@pytest.mark.parametrize("rule", sorted({record["rule"] for record in RECORDS}))
def test_every_labelled_case_is_judged_as_labelled(rule: str) -> None:
    """Both sides of each rule, in thirty languages: a change of the rules that judges one otherwise is seen."""
    cases = [record for record in RECORDS if record["rule"] == rule]
    wrong = {}
    for record in cases:
        found = check_case(read_case(record), EliminatorConfig(), LABELS)
        if (found[0] if found else "") != record["expected"]:
            wrong[record["id"]] = (record["expected"] or "kept", found, record["why"])
    assert wrong == {}
    assert len(cases) > 30
