"""Benchmarks: our way against the straightforward one, side by side in one run.

published_labels.py    the labels as a plain script would compute them
labels.py              seconds per configuration against L
published_network.py   the lattice EFNN as a plain script would train it
networks.py            training and prediction
rows.py                one comparison
results.py             all of them as tables and JSON
"""
