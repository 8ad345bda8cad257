"""`efnn plot`: which runs a figure is of, and what is drawn of them.

selection.py  runs by name, by condition, or the most recent    networks.py  figures that need the networks
files.py      figures of what stands in the files of runs, as far as it is of their weights
"""
