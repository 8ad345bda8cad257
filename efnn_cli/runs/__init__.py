"""One training: planned, carried out in its run folder, loaded, listed.

settings.py    checked settings of `train`          planning.py   what is to be trained, and where
execute.py     a plan in its folder, or in place of another run
fitting.py     the epochs, checkpoints and metrics of a plan
loading.py     a trained network read back          find.py       names and the most recent run
folder.py      one folder: configuration, table of epochs, checkpoints, summary
forms.py       what must hold of config.yaml and summary.json, and which run a folder is of
rows.py        one line for every run below a folder
results.py     results of `train`                   describe.py   what `inspect` shows
table.py       runs as CSV, and as a table
filters.py     conditions such as seed<3 or model=efnn,dnn, and the order of the lines
"""
