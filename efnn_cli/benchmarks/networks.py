"""Training and prediction of the published lattice EFNN: ours against the straightforward form, in one run.

Both train the same network (depth 3, kernels 5, float32, Adam, bare energies) on the same configurations; both are
measured in turns, and medians are reported.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from efnn_cli.benchmarks import published_labels, published_network
from efnn_cli.benchmarks.rows import DENSE_UP_TO, Row
from efnn_cli.models import MODELS
from efnn_cli.models.build import build
from efnn_cli.models.energy import EnergyModel
from efnn_cli.models.fast import accelerate
from efnn_cli.physics.double_exchange import DoubleExchange
from efnn_cli.physics.heisenberg import Heisenberg
from efnn_cli.physics.system import Draw
from efnn_cli.training.labelled import Labelled
from efnn_cli.training.options import TrainingOptions
from efnn_cli.training.trainer import Trainer

DEPTH = 3
SIZE = 10  # of the training lattice
BATCH = 1000
SAMPLES = {"cpu": 4000, "cuda": 40_000}  # an epoch of these takes about a second of the straightforward form

Log = Callable[[str], None]


def case(width: int, device: torch.device) -> str:
    """Name of a row: network, depth, channels, device."""
    return f"efnn-d{DEPTH}-w{width}-{device.type}"


def ours(width: int) -> EnergyModel:
    """Return the published network, as trained by `training=paper`."""
    options = MODELS["efnn"].options(depth=DEPTH, width=width)
    return accelerate(build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=0))


def configurations(count: int, size: int) -> Tensor:
    """Uniform spins (B, 3, L, L), float64."""
    return torch.from_numpy(Heisenberg(L=size).sample("uniform_sphere", Draw(0, "bench", 0, 0, count)))


def measure_training(
    widths: Sequence[int], samples: int | None, repeats: int, device: torch.device, log: Log
) -> list[Row]:
    """Samples per second of training on `samples` configurations an epoch, a row a width."""
    spins = configurations(samples or SAMPLES[device.type], SIZE)
    energies = Heisenberg(L=SIZE).energy(spins)
    rows = []
    for width in widths:
        found = in_turns(
            {
                "straightforward": straightforward_training(width, spins, energies, device),
                "ours": our_training(width, spins, energies, device),
            },
            repeats,
            device,
        )
        rates = {name: len(spins) / seconds for name, seconds in found.items()}
        log(f"{case(width, device)}: {rates['straightforward']:.4g} and {rates['ours']:.4g} samples per second")
        row = Row(case(width, device), SIZE, **rates, ratio=rates["ours"] / rates["straightforward"], unit="samples/s")
        rows.append(row)
    return rows


def straightforward_training(width: int, spins: Tensor, energies: Tensor, device: torch.device) -> Callable[[], None]:
    """Return a function that trains the straightforward form for an epoch."""
    torch.manual_seed(0)
    network = published_network.Network(DEPTH, width).to(device)
    data = published_network.loader(spins.float(), energies.float(), BATCH)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    return lambda: published_network.train_epoch(network, data, optimizer, device)


def our_training(width: int, spins: Tensor, energies: Tensor, device: torch.device) -> Callable[[], object]:
    """Return a function that trains ours for an epoch, validated on a hundred configurations."""
    data = Labelled(spins.float().to(device), energies.to(device))
    few = data.part(slice(0, 100))
    trainer = Trainer(ours(width).to(device), TrainingOptions(batch_size=BATCH, epochs=10_000), data, few, seed=0)
    return trainer.run_epoch


def measure_prediction(
    sizes: Sequence[int], width: int, samples: int, repeats: int, device: torch.device, log: Log
) -> list[Row]:
    """Seconds per configuration in one batch: against the straightforward form, and against dense diagonalisation."""
    rows = []
    for size in sizes:
        spins = configurations(samples, size)
        batch = spins.float().to(device)
        networks = {"straightforward": published_network.Network(DEPTH, width), "ours": ours(width)}
        ways = {name: partial(network.to(device), batch) for name, network in networks.items()}
        with torch.no_grad():
            found = in_turns(ways, repeats, device)
        each = {name: seconds / samples for name, seconds in found.items()}
        log(f"L = {size}: {each['straightforward']:.3g} and {each['ours']:.3g} s per configuration")
        pairs = {case(width, device): each["straightforward"]}
        if size <= DENSE_UP_TO:
            pairs |= {f"{case(width, device)}-against-{name}": dense for name, dense in references(spins).items()}
        unit = "seconds per configuration"
        rows += [Row(name, size, other, each["ours"], other / each["ours"], unit) for name, other in pairs.items()]
    return rows


def references(spins: Tensor) -> dict[str, float]:
    """Seconds of the label of the first of `spins`, on all cores: with eigenvectors as published, eigenvalues alone."""
    one = spins[:1]
    system = DoubleExchange(L=spins.shape[-1])
    ways: dict[str, Callable[[], object]] = {
        "eigh": lambda: published_labels.energy(one[0].numpy(), system.t, system.J, system.mu, system.T),
        "dense": lambda: system.energy(one),
    }
    found = {}
    for name, label in ways.items():
        start = time.perf_counter()
        label()
        found[name] = time.perf_counter() - start
    return found


def in_turns(ways: Mapping[str, Callable[[], object]], repeats: int, device: torch.device) -> dict[str, float]:
    """Median seconds of every way, each tried once unmeasured, then all in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, work in ways.items():
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in seconds.items()}
