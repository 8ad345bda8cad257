"""Many trainings by one command.

multirun.py  Hydra's sweep syntax and its launchers    run.py  the whole sweep, with what failed
jobs.py      one training of a sweep                   desk.py  what became of each, wherever it ran
"""
