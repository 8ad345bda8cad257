"""Labelled configurations: planned, made in shards, found again.

settings.py   checked settings of `generate`        planning.py   what to label and where it goes
idle.py       keys without effect                   job.py shards.py     the work, cut into pieces
cost.py       memory and shard sizes of labels
produce.py    a job to a dataset                    crew.py workers.py dask_cluster.py    who labels
find.py       names and the most recent dataset     hamiltonian.py      the system of a dataset
results.py    results of `generate` and `merge`
"""
