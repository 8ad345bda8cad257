"""Errors of trained networks on configurations that they have not seen, and on lattices of other sizes.

evaluation_set.py   configurations to evaluate on, predictions
compatibility.py    same Hamiltonian            overlap.py          configurations seen in training
reference_datasets.py   labels at other sizes   size_errors.py      errors and times at one size
extrapolation.py    many networks and sizes     size_table.py       extrapolation.csv
temperatures.py     errors by temperature       coverage.py         error bars that hold
calibration.py      spread against error        results.py size_results.py predicting.py   files, tables, JSON
"""
