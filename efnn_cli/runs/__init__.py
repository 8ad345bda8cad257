"""One training: planned, executed in its run folder, loaded, listed.

settings.py    settings of `efnn train`, checked     planning.py   settings, dataset and folder of one training
execute.py     lock, resume, replace                 fitting.py    epochs, checkpoints and metrics
folder.py      the files of a run folder             stored.py     types and hash of config.yaml and summary.json
loading.py     a trained network from its files      find.py       names of runs, and the most recent one
results.py     results of `efnn train`               describe.py    descriptions for `efnn inspect`
listing.py     run folders as rows                   table.py       these rows as CSV and as text
filters.py     conditions such as seed<3, and sorting
network.py     the network for a system, in its fast form
origin.py      a training that starts from another run  export.py  a network for other programs
board.py       rows for TensorBoard                trust.py       domain and error bars of a network
units.py       units of a network, and no mean error
"""
