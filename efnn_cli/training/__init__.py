"""Training: takes any `nn.Module` that maps spins to energies; knows no system and no file format.

options.py     configuration keys `training.*`     trainer.py      epochs, state, best weights
optimizers.py  optimizers and learning rate        gradients.py    loss and gradients of a batch
split.py       train / val / test                  predict.py      predictions in bounded memory
metrics.py     errors of predictions               distributed.py  several processes
history.py     one row of the table of epochs     labelled.py     configurations with labels
loss.py        energies and fields                fields.py       fields of networks, their errors
validation.py  errors on the validation sets      domain.py       configurations that are known
intervals.py   error bars that hold
"""
