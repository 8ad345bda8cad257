"""Datasets of labelled configurations: planned, labelled in shards, found again.

settings.py     checked settings of `generate`       planning.py       a dataset to label, and its file
job.py          configurations, method, shards       cost.py           shard size, memory, disk
labelling.py    a job to a dataset file              shards.py metadata.py    its pieces and its description
executors.py    threads                              dask_cluster.py   workers of a Dask cluster
results.py      table and JSON                       baths.py          temperatures of thermal configurations
relabelling.py  energies of other T and mu from stored levels
find.py         names, the most recent dataset       hamiltonian.py    the system of a dataset
importing.py    datasets from what others wrote      importing_results.py    their files, table and JSON
importing_arrays.py importing_columns.py    readers of arrays and of text
"""
