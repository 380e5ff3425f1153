"""Is a model trained on the mix better? Responses to test questions, verdicts of a judge, blind human ranking."""
