"""The cellar: what every floor may use, without physics and without files.

errors.py     one class an exit code            signals.py    orderly stops
failures.py   what an error means to a user     streams.py    stdin, stdout, stderr
checks.py     bounds of single values           console.py    log, progress, warnings
rng.py        named random streams              results.py    what a command gives back
device.py     CPU and CUDA                      ranks.py      which of several processes this is
memory.py     what a batch may take             limits.py     what the machine leaves
provenance.py versions and commit               kinds.py text.py    names of Hamiltonians; words for people
"""
