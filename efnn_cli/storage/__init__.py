"""Files: atomic, versioned, checked, without pickle. Knows arrays and plain values, no physics.

atomic.py    write and rename, free space        dataset.py      configurations with energies
hdf5.py      arrays, metadata and a checksum     checkpoint.py   weights and training state
documents.py YAML, JSON and CSV                  predictions.py  energies predicted by networks
reading.py   text files and plain values         spins_file.py   configurations of the user's own
tree.py      nested values <-> JSON and arrays   output.py       where results may go
lock.py      ownership by a process              names.py        names of the files of a run
arrays_file.py   arrays that anybody has written  spin_fields.py   one configuration for viewers
samples_file.py  Markov chains
"""
