"""Monte Carlo of the spins, driven by a network.

settings.py       checked settings of `sample`       sampling.py       groups of chains to a file, resumed
segments.py       work that is stored as one file    chains.py         chains, warm-up, the exact test
moves.py          proposals on the energy of a network
hybrid.py         trajectories on the spheres        metropolis.py     moves of sites far apart
tuning.py         sizes and numbers of moves
observables.py    means, errors, acceptance          gamma_method.py   autocorrelation, errors, R-hat
results.py        table, JSON, CSV, figure           benchmark.py      against Metropolis with diagonalisation
"""
