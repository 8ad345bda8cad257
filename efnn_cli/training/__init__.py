"""Training: takes any `nn.Module` that maps spins to energies; knows no system and no file format.

options.py     configuration keys `training.*`     trainer.py    the loop, its state, its rows
optimizers.py  optimizers and learning rate        split.py      train / val / test
metrics.py     errors of predictions               augment.py    point group of the square
predict.py     predictions in bounded memory       gradients.py  loss and gradients of a batch
team.py        one process, or (processes.py) one of several     rows.py   what an epoch is recorded as
"""
