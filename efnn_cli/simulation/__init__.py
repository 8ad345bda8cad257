"""Monte Carlo of the spins, driven by a network.

samples_file.py   configurations of Markov chains, their energies, which proposals were accepted
"""
