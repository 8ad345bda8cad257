"""Run folders: what lies in one, and lists of many.

folder.py      one folder: configuration, table of epochs, checkpoints, summary
forms.py       what must hold of config.yaml and summary.json, and which run a folder is of
rows.py        one line for every run below a folder
filters.py     conditions such as seed<3 or model=efnn,dnn, and the order of the lines
"""
