"""What the Eliminator's rules are made of, from the bottom up; all of it pure.

- measures: `texts` (words, prose, inputs), `languages` (which one), `readings` (a text with its measures)
- words by language, as data: `lexicon`, `imperatives`, `requests`, `signs`, `phrases`, `replies`, `references`,
  `tasks`, `scaffold`
- signs read: `asking`, `statements`, `loops`; weighed: `answered`, `materials`
- rules: `paper` (the four of the paper), `rules` (the further ones of the profile `strict`)

Profiles and the order of the rules stand one level up, in `evol.eliminator`.
"""
