"""Networks against each other: one recipe, one grid of choices, several seeds.

contest.py    who takes part, with which widths and recipe    report.py   comparison.md and the tables
grid.py       choices that validation decides                 figures.py  errors against parameters, and parity
standings.py  errors, means and spreads                       text.py     what the report says in words
run.py        the trainings and the judgement
"""
