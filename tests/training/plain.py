"""A training written plainly, from formulas and torch alone: what the trainer is compared with."""

import copy
import hashlib
import math

import numpy as np
import torch
from pytorch_optimizer import SOAP

from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.physics.lattices import SQUARE, point_group

OPERATIONS = [each.apply for each in point_group(SQUARE, (4, 4))]
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "soap": SOAP}


def lattice_data(count, seed):
    """Spins (count, 3, 4, 4) and energies (count,), which are not invariant under the point group."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3, 4, 4))
    spins = torch.from_numpy(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return spins, -(spins * spins.roll(1, dims=2)).sum((1, 2, 3))


def with_fields(data):
    """Lattice data with their fields -dE/dS."""
    spins, energies = data
    return spins, energies, spins.roll(1, dims=2) + spins.roll(-1, dims=2)


def across(spins, fields):
    """The part of fields (B, 3, L, L) across the spins, site by site: the double vector product S x (h x S)."""
    return torch.linalg.cross(spins, torch.linalg.cross(fields, spins, dim=1), dim=1)


def field_squares(model, spins, fields):
    """Mean square of a transverse component of the error of the fields, differentiable in the weights."""
    free = spins.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(model(free).sum(), free, create_graph=True)
    return across(spins, -slopes - fields).square().sum(1).mean() / 2


def dense_data(count, seed):
    """Spins (count, 6) and energies (count,)."""
    spins = torch.from_numpy(np.random.default_rng(seed).uniform(-1, 1, size=(count, 6)))
    return spins, spins.square().sum(1) + spins[:, 0] * spins[:, 1] * spins[:, 2]


def network(name="efnn", geometry="lattice"):
    """A small network with fixed initial weights, float64."""
    sizes = {"depth": 2, "width": 2, "kernel_size": 3} if geometry == "lattice" else {"depth": 2, "width": 4}
    return build(MODELS[name].options(**sizes), geometry, inputs=6, spin_range=(-1, 1), seed=1, dtype=torch.float64)


def stream(seed, epoch):
    """The stream of random numbers of one epoch, by its definition."""
    digest = hashlib.sha256(f"{seed}/epoch/{epoch}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def image(spins, operation):
    """Spins moved site by site: bit 0 exchanges x and y, bit 1 reflects x, bit 2 reflects y."""
    size = spins.shape[-1]
    moved = torch.empty_like(spins)
    for x in range(size):
        for y in range(size):
            a, b = (size - 1 - x if operation & 2 else x), (size - 1 - y if operation & 4 else y)
            moved[..., x, y] = spins[..., b, a] if operation & 1 else spins[..., a, b]
    return moved


def cosine(done, options):
    """The rate of a linear warm-up and half a cosine, with the fraction `done` of the training behind."""
    if done < options.warmup:
        return options.lr * done / options.warmup
    return options.lr * math.cos(math.pi / 2 * (done - options.warmup) / (1 - options.warmup)) ** 2


def plain_training(model, options, train, val, seed):
    """Rows (loss, lr, validation RMSE) of all epochs, and the weights that were best; no budget, no patience."""
    spins, energies, *fields = train
    unit = energies.std(unbiased=False) if options.initial_spread else 1.0
    field_unit = across(spins, fields[0]).square().sum(1).mean().sqrt() / math.sqrt(2) if fields else None
    optimizer = OPTIMIZERS[options.optimizer](model.parameters(), lr=1.0, weight_decay=options.weight_decay)
    average, rows, best, done = None, [], (math.inf, {}), 0
    for epoch in range(options.epochs):
        random = stream(seed, epoch)
        batches = torch.from_numpy(random.permutation(len(spins))).split(options.batch_size)
        operations = random.integers(0, 8, len(batches))
        total = 0.0
        for batch, operation in zip(batches, operations, strict=True):
            middle = (done + len(batch) / 2) / (options.epochs * len(spins))
            rate = cosine(middle, options) if options.schedule == "cosine" else options.lr
            optimizer.param_groups[0]["lr"] = rate
            seen = image(spins[batch], operation) if options.augment else spins[batch]
            optimizer.zero_grad()
            loss = (((model(seen) - energies[batch]) / unit) ** 2).mean()
            if fields:
                there = image(fields[0][batch], operation) if options.augment else fields[0][batch]
                loss = loss + options.field_weight * field_squares(model, seen, there) / field_unit**2
            loss.backward()
            optimizer.step()
            done += len(batch)
            total += loss.item() * len(batch)
            if options.ema:
                if average is None:
                    average = copy.deepcopy(model)
                else:
                    with torch.no_grad():
                        for mean, weight in zip(average.parameters(), model.parameters(), strict=True):
                            mean.copy_(options.ema * mean + (1 - options.ema) * weight)
        kept = model if average is None else average
        with torch.no_grad():
            rmse = (kept(val[0]) - val[1]).square().mean().sqrt().item()
        rows.append((total / len(spins), rate, rmse))
        if rmse < best[0]:
            best = (rmse, copy.deepcopy(kept.state_dict()))
    return rows, best[1]
