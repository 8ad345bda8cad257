"""Labelling: configurations -> energies, in shards, by workers; knows no command line.

job.py      what is to be labelled      shards.py    finished shards as files
workers.py  threads that label shards   produce.py   from a job to a dataset file
crew.py     who labels: threads here, or (dask_cluster.py) the workers of a cluster
"""
