"""From what the user typed to one checked configuration.

compose.py    options and overrides, by Hydra       schema.py     plain values to typed objects
bases.py      what Hydra makes of the files, once
keys.py       keys and names, for completion        hints.py      what to type instead
own_files.py  YAML files of `--config-dir`           fingerprint.py  the hash in names of files
"""
