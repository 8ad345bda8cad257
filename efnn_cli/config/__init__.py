"""From what the user typed to one checked configuration.

options.py    keys of every command                words.py        options and KEY=VALUE in one spelling
fields.py     dataclasses read from their source   compose.py      the configuration, by Hydra
keys.py       keys for help, completion, hints     explain.py      its errors in words of the command line
recipes.py    which recipe, and what it sets       schema.py       plain values to typed objects
store.py      defaults of dataclasses for Hydra    hints.py        what to type instead
shared_options.py simulation_options.py   those that several share, those of Markov chains
bases.py      configurations from the same files, composed once
own_files.py  YAML files of `--config-dir`         fingerprint.py  the hash in names of files
"""
