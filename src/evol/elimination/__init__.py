"""What the Eliminator's rules are made of, from the bottom up: words and measures, phrases and signs, the rules.

`texts` measures; `lexicon`, `phrases`, `replies`, `references` and `tasks` are words by language; `languages`,
`asking`, `answered`, `materials` and `loops` read the signs; `rules` decides. All pure. Profiles, order and the paper's
own rules stand one level up, in `evol.eliminator`.
"""
