"""The parts of `evol merge`: options, rows, gates, duplicates, contamination, choice, files, card, hub."""
