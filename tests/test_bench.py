"""Benchmarks: the straightforward form is the same network, and the real commands print complete rows."""

import json
import math

import pytest
import torch

from efnn_cli.benchmarks import networks, published_network
from efnn_cli.cli import main


def transplanted(width, dtype=torch.float64):
    """The straightforward network with the weights of ours."""
    model = networks.ours(width).to(dtype)
    ours, plain = model.network, published_network.Network(networks.DEPTH, width).to(dtype)
    with torch.no_grad():
        for i, layer in enumerate(plain.invariants):
            for half, convolution in enumerate((layer.first, layer.second)):
                convolution.weight.copy_(ours.invariants.weight[half, i * width : (i + 1) * width].view(-1, 1, 5, 5))
        for mine, theirs in ((ours.fields, plain.fields), (ours.quasi_particles, plain.quasi_particles)):
            for a, b in zip(mine, theirs, strict=True):
                b.inner.load_state_dict(a.inner.state_dict())
                b.outer.load_state_dict(a.outer.state_dict())
        plain.readout.load_state_dict(ours.readout.state_dict())
    return model, plain


@pytest.mark.parametrize("size", [6, 10, 13])
def test_both_train_and_predict_with_the_same_network(size):
    model, plain = transplanted(3)
    spins = networks.configurations(4, size)
    assert sum(each.numel() for each in plain.parameters()) == sum(each.numel() for each in model.parameters()) == 3412
    torch.testing.assert_close(model(spins), plain(spins), rtol=1e-11, atol=1e-11)
    model(spins).sum().backward()
    plain(spins).sum().backward()
    ours = model.network.fields[0].inner.weight.grad
    torch.testing.assert_close(ours, plain.fields[0].inner.weight.grad, rtol=1e-9, atol=1e-12)


def bench(capsys, *words):
    assert main(["bench", *words, "--device", "cpu", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["metrics"]["rows"]


def test_training(capsys):
    (row,) = bench(capsys, "train", "--width", "1", "--samples", "40", "--repeats", "1")
    assert set(row) == {"case", "L", "straightforward", "ours", "ratio", "unit"}
    assert (row["case"], row["L"], row["unit"]) == ("efnn-d3-w1-cpu", 10, "samples/s")
    assert row["ratio"] == pytest.approx(row["ours"] / row["straightforward"])


def test_prediction(capsys):
    rows = bench(capsys, "predict", "--L", "4", "--samples", "2", "--repeats", "1")
    cases = [row["case"] for row in rows]
    assert cases == ["efnn-d3-w3-cpu", "efnn-d3-w3-cpu-against-eigh", "efnn-d3-w3-cpu-against-dense"]
    for row in rows:
        assert row["ratio"] == pytest.approx(row["straightforward"] / row["ours"])
        assert math.isfinite(row["ratio"])


@pytest.mark.parametrize(
    "words",
    [("train", "--width", "0"), ("predict", "--L", "2")],
)
def test_bad_sizes_are_refused(words):
    assert main(["bench", *words]) == 2
