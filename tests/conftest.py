"""One thread a test: tests run side by side, and tiny tensors gain nothing from more."""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, and for the processes that tests start

import torch

torch.set_num_threads(1)
