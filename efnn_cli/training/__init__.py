"""Training: takes any `nn.Module` that maps spins to energies; knows no system and no file format.

options.py     configuration keys `training.*`     trainer.py      epochs, state, best weights
optimizers.py  optimizers and learning rate        gradients.py    loss and gradients of a batch
split.py       train / val / test                  augment.py      point group of the square
metrics.py     errors of predictions               predict.py      predictions in bounded memory
history.py     one row of the table of epochs      distributed.py  several processes
"""
