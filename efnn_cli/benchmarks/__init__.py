"""Benchmarks: our way against the straightforward one, side by side in one run.

published_labels.py   the labels as a plain script would compute them
labels.py             seconds per configuration against L
"""
