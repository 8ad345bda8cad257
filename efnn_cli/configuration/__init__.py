"""From what the user typed to checked objects.

compose.py    options and overrides to one configuration, by Hydra    settings.py  of commands
own_files.py  files of `--config-dir`: they only set values           training.py  of a training: network and recipe
schema.py     a configuration to systems, networks and recipes
"""
