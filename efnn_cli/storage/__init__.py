"""Files: atomic, versioned, hashed, without pickle. Knows arrays and plain values, no physics.

atomic.py    write and rename, free space        dataset.py      configurations with energies
hdf5.py      images, checksums, safe reading     checkpoint.py   weights and training state
tree.py      nested values <-> JSON and arrays  spins_file.py   configurations of the user's own
lock.py      ownership by a process             predictions.py  energies that networks gave
"""
