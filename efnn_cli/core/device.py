"""Devices by name: auto, cpu, cuda, cuda:INDEX, mps."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from efnn_cli.core.errors import ConfigError, DeviceError
from efnn_cli.core.resources import cores

if TYPE_CHECKING:
    import torch

NAME = re.compile(r"auto|cpu|cuda(:\d+)?|mps")


def check_name(name: str) -> None:
    """Raise `ConfigError` unless `name` is auto, cpu, cuda, cuda:INDEX or mps."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"device: wanted auto, cpu, cuda, cuda:INDEX or mps, found {name!r}")


def resolve(name: str) -> torch.device:
    """Return the device `name` means; "auto" is CUDA if there, else the CPU.

    Raises `DeviceError` with the reason where CUDA or MPS is asked for and not there: never a silent fallback.
    """
    import torch

    check_name(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        device = torch.device("cuda", device.index or 0)  # set_device wants an index
        _require_cuda(device.index)
        # TensorFloat-32 has 10 bits of mantissa: energies with relative errors of 1e-6 cannot be learned in it.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        # A graph is recorded on the current device, whatever the device of its tensors is.
        torch.cuda.set_device(device)
    elif device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("device mps: PyTorch finds no GPU of an Apple computer here", "use --device cpu")
    return device


def resolve_shared(name: str, local_rank: int) -> torch.device:
    """Return the device `name` means to the process `local_rank` of a machine: each has its own GPU."""
    import torch

    check_shared(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return resolve(f"cuda:{local_rank}" if name == "cuda" else name)


def check_shared(name: str) -> None:
    """Raise `ConfigError` where `name` is one GPU: several processes cannot share it."""
    if ":" in name or name == "mps":
        raise ConfigError(
            f"device: several processes take a GPU each, found {name}",
            "--device cuda; CUDA_VISIBLE_DEVICES says which GPUs",
        )


def _require_cuda(index: int) -> None:
    import torch

    hint = "use --device cpu, or --device auto to take what is there"
    if not torch.cuda.is_available():
        if torch.version.cuda is None:
            raise DeviceError(f"device cuda: this PyTorch ({torch.__version__}) is built without CUDA", hint)
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = f"CUDA_VISIBLE_DEVICES={hidden!r} hides them" if hidden is not None else "no driver or no GPU found"
        raise DeviceError(f"device cuda: no CUDA device is visible ({why})", hint)
    if index >= torch.cuda.device_count():
        raise DeviceError(f"device cuda:{index}: only {torch.cuda.device_count()} CUDA devices are visible", hint)


def describe(device: torch.device) -> str:
    """Return a name for logs, such as `cpu (2 cores)` or `cuda:0 (NVIDIA H200)`."""
    import torch

    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type == "mps":
        return "mps (the GPU of this Apple computer)"
    return f"cpu ({cores()} cores)"
