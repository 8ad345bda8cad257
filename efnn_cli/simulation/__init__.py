"""Monte Carlo of the spins, driven by a network.

hybrid.py         trajectories of spins and momenta on an energy, with their Metropolis test
samples_file.py   configurations of Markov chains, their energies, which proposals were accepted
"""
