"""Less memory than a batch needs: a real limit of the address space, and batches that shrink instead of failing."""

import contextlib
import ctypes
import gc
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from efnn_cli.config.schema import build_system
from efnn_cli.core import resources
from efnn_cli.core.resources import is_short
from efnn_cli.datasets.job import Job
from efnn_cli.physics.system import Labels, System
from efnn_cli.training.gradients import Gradients, GraphedGradients
from efnn_cli.training.labelled import Labelled
from efnn_cli.training.loss import Loss
from efnn_cli.training.predict import predict

MEBIBYTE = 2**20
pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    """Arrays go back to the system when they are freed, so that what earlier work has left free does not help."""
    threshold, largest = -3, 32 * MEBIBYTE  # M_MMAP_THRESHOLD of glibc, and what it may come to by itself
    set_option = getattr(ctypes.CDLL(None), "mallopt", lambda *_: None)
    set_option(threshold, MEBIBYTE)
    yield
    set_option(threshold, largest)


def mapped() -> int:
    """Bytes of address space in use."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def take_holes(hard: int) -> list[np.ndarray]:
    """Allocate the free holes that earlier work has left in the address space of this process."""
    resource.setrlimit(resource.RLIMIT_AS, (mapped() + 2 * MEBIBYTE, hard))
    taken = []
    for size in (64, 32, 16, 8, 4, 2, 1):
        with contextlib.suppress(MemoryError):
            while True:
                taken.append(np.empty(size * MEBIBYTE, np.uint8))
    return taken


@contextlib.contextmanager
def room(mebibytes: int) -> Iterator[None]:
    """Limit the memory of this process to its present use and `mebibytes` more."""
    gc.collect()
    before = resource.getrlimit(resource.RLIMIT_AS)
    try:
        ballast = take_holes(before[1])
        resource.setrlimit(resource.RLIMIT_AS, (mapped() + mebibytes * MEBIBYTE, before[1]))
        yield
        del ballast
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


class Wide(nn.Module):
    """E = the mean of W s squared: `times` quarters of a mebibyte of activations for one configuration."""

    def __init__(self, times: int = 1) -> None:
        super().__init__()
        self.times = times
        start = torch.Generator().manual_seed(1)
        self.weight = nn.Parameter(torch.randn(3, 32 * 1024, dtype=torch.float64, generator=start))
        self.seen: list[int] = []

    def forward(self, spins: Tensor) -> Tensor:
        self.seen.append(len(spins))
        return (spins @ self.weight).repeat(1, self.times).square().mean(dim=1)


def some(count: int) -> Labelled:
    spins = torch.from_numpy(np.random.default_rng(0).normal(size=(count, 3)))
    return Labelled(spins, spins.sum(dim=1))


LOSS = Loss(unit=2.0)


def test_gradients_of_a_batch_that_does_not_fit(caplog: pytest.LogCaptureFixture):
    """The same loss and gradients, in parts that fit; the parts stay for the next batch, and it is said once."""
    data = some(1000)
    model = Wide()
    whole = Gradients(model)(data, LOSS, 1.0)
    wanted = [each.grad.clone() for each in model.parameters() if each.grad is not None]
    gradients = Gradients(model)
    model.seen.clear()
    with room(200):
        loss = gradients(data, LOSS, 1.0)
        again = gradients(data, LOSS, 1.0)
    assert gradients.parts >= 4
    assert model.seen[0] == 1000, "the whole batch was tried"
    assert model.seen.count(1000) == 1
    assert torch.allclose(loss, again, rtol=1e-14)  # it may be cut once more in between
    assert torch.allclose(loss, whole, rtol=1e-12)
    for parameter, gradient in zip(model.parameters(), wanted, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, gradient, rtol=1e-9, atol=1e-12)
    assert f"computed in {gradients.parts} parts" in caplog.text


def test_one_configuration_that_does_not_fit():
    """Half a gibibyte for one: it ends, with the error that becomes exit 5."""
    data = some(4)
    for work in (
        lambda model: Gradients(model)(data, LOSS, 1.0),
        lambda model: predict(model, data.spins.numpy(), torch.device("cpu")),
    ):
        with room(200), pytest.raises(RuntimeError) as caught:
            work(Wide(times=2048))
        assert is_short(caught.value)


def test_labels_that_do_not_fit(monkeypatch: pytest.MonkeyPatch):
    """Spectra of all matrices of a batch at once are too much: the same ones, some at a time."""
    system = build_system({"name": "double_exchange", "L": 12})
    job = Job(system, "uniform_sphere", 0, "train", 24, "dense")
    (draw,) = job.shards()
    spins = job.spins(draw)
    wanted = job.label(spins, torch.device("cpu"))
    seen: list[int] = []
    label = type(system).label

    def counted(self: System, spins: Tensor, *how: Any, **asked: Any) -> Labels:
        seen.append(len(spins))
        return label(self, spins, *how, **asked)

    monkeypatch.setattr(type(system), "label", counted)
    with room(20):
        found = job.label(spins, torch.device("cpu"))
    assert seen[0] == 24
    assert min(seen) < 24
    assert np.array_equal(found.energies, wanted.energies)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_small_gpu():
    """A real GPU of which this process may take 600 MiB: graphs, predictions and labels in parts, the same results."""
    gpu = torch.device("cuda", 0)
    data = some(8000)
    wanted = Gradients(Wide())(data.part(slice(400)), LOSS, 1.0)
    gc.collect()  # graphs of earlier tests
    torch.cuda.empty_cache()
    share = 600 * MEBIBYTE / torch.cuda.get_device_properties(gpu).total_memory
    torch.cuda.set_per_process_memory_fraction(share, gpu)
    try:
        model = Wide().to(gpu)
        gradients = GraphedGradients(model)
        for count in (8000, 400):
            loss = gradients(data.part(slice(count)).map(lambda each: each.to(gpu)), LOSS, 1.0)
        assert gradients.parts >= 4
        assert loss.tolist() == pytest.approx(wanted.tolist(), rel=1e-12)
        assert len(predict(model, data.spins.numpy(), gpu)) == 8000
        job = Job(build_system({"name": "double_exchange", "L": 12}), "uniform_sphere", 0, "train", 256, "dense")
        labels = job.label(job.spins(job.shards()[0]), gpu).energies
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, gpu)
    assert np.allclose(labels, job.label(job.spins(job.shards()[0]), torch.device("cpu")).energies, rtol=1e-12, atol=0)


def test_what_ulimit_leaves_is_all_there_is():
    before = resources.free_bytes()
    with room(300):
        assert 250 * MEBIBYTE < resources.free_bytes() <= 300 * MEBIBYTE
    assert resources.free_bytes() > 350 * MEBIBYTE
    assert before > 350 * MEBIBYTE


def test_a_dataset_beyond_ulimit_is_refused_before_work(tmp_path: Path):
    loaded = "import torch, efnn_cli.cli.generate; print(open('/proc/self/statm').read().split()[0])"
    pages = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout
    limit = int(pages) * resource.getpagesize() // 1024 + 1_200_000  # KiB: PyTorch with CUDA maps gigabytes by itself
    words = "generate heisenberg --L 40 --samples 20000 --device cpu"
    script = f"ulimit -v {limit}; exec {sys.executable} -m efnn_cli {words}"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert "a dataset of 20000 configurations needs about" in done.stderr
    assert not list(tmp_path.rglob("*.h5"))
