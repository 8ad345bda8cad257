"""The cellar: what every floor may use, without physics and without files.

errors.py     one class an exit code            signals.py    orderly stops
failures.py   messages and exit codes           streams.py    stdin, stdout, stderr
checks.py     bounds of single values           console.py    log, warnings
rng.py        named random streams              results.py    results of commands
device.py     devices by name                   ranks.py      rank among several processes
doubles.py    float64 where a device has none
resources.py  memory and cores, batch sizes     provenance.py versions and commit
registry.py   systems and networks by name      text.py       printable text
numbers.py    numbers and their uncertainties   table.py      tables that fit a line
progress.py   bars and lines of progress        size.py       sizes such as 12 or 12x8
background.py repeat something meanwhile
"""
