"""The experiments of the paper: presets in conf/experiment/, carried out, and set beside the published figures.

experiments.py  what an experiment consists of     stages.py     carrying one out
pool.py         trainings side by side             findings.py   what came out, by network
estimates.py    how long it will take              timing.py     seconds per configuration
"""
