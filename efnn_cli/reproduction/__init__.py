"""The experiments of the paper: presets in conf/experiment/, carried out, and set beside the published figures.

experiments.py  what an experiment consists of     published.py  every published figure with ours
planning.py     what will be done                  findings.py   what came out, by network
estimates.py    how long it will take              tables.py     the numbers, as CSV and for the report
stages.py       carrying one out                   pictures.py   the figures
pool.py         trainings side by side             pages.py      the report
progress.py     how far it is                      timing.py     seconds per configuration
"""
