"""From what the user typed to one checked configuration.

compose.py    options and overrides, by Hydra       schema.py     plain values to typed objects
hints.py      what to type instead
own_files.py  YAML files of `--config-dir`          keys.py kinds.py    keys and names there are, for completion
"""
