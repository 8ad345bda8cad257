"""The cellar: what every floor may use, without physics and without files.

errors.py     one class an exit code            signals.py    orderly stops
failures.py   messages and exit codes           streams.py    stdin, stdout, stderr
checks.py     bounds of single values           console.py    log, progress, warnings
rng.py        named random streams              results.py    results of commands
device.py     CPU and CUDA                      ranks.py      rank among several processes
memory.py     memory of a batch                 limits.py     memory and cores of the process
provenance.py versions and commit               kinds.py text.py  names of Hamiltonians; printable text
registry.py   systems and networks by name, plug-ins included
"""
