"""What networks are worth on data they have not seen, and on other lattices.

judging.py        errors on a dataset                  references.py   labels of other sizes, made once
compatibility.py  whether a dataset fits a network     extrapolation.py  errors and times at one size
overlap.py        configurations seen in training      size_table.py   extrapolation.csv
carrying.py       networks over many sizes             calibration.py   whether a spread tells the error
settings.py       checked settings of the commands   predicting.py  energies of configurations without labels
results.py size_results.py   results of `evaluate` and `extrapolate`
"""
