"""Devices by name: `cuda` is a GPU with a number, since PyTorch takes no other as the current device."""

import pytest
import torch
from torch.cuda._utils import _get_device_index

from efnn_cli.core.device import resolve


@pytest.mark.parametrize(("name", "index"), [("cuda", 0), ("auto", 0), ("cuda:1", 1)])
def test_a_gpu_has_a_number(monkeypatch, name, index):
    """PyTorch's own check of the number, on machines without a GPU too."""
    current = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: current.append(_get_device_index(device)))
    assert resolve(name) == torch.device("cuda", index)
    assert current == [index]
    with pytest.raises(ValueError, match="index"):  # the reason: this is what PyTorch says of the name alone
        torch.cuda.set_device(torch.device("cuda"))
