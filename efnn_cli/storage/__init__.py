"""Files: atomic, versioned, hashed, without pickle. Knows arrays and plain values, no physics.

atomic.py    write and rename, free space        dataset.py      configurations with energies
hdf5.py      images, checksums, safe reading     checkpoint.py   weights and training state
seal.py      a digest over the raw bytes         spins_file.py   configurations of the user's own
trial.py     foreign files, read by a process    predictions.py  energies that networks gave
             that may be lost                    reading.py      regular files of bounded size
tree.py      nested values <-> JSON and arrays   documents.py    YAML, JSON and CSV with checksums
lock.py      ownership by a process              output.py       where results may go
names.py     names of the files of a run
"""
