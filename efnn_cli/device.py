"""Devices and memory: which device a name means, and how much room there is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from efnn_cli.errors import ConfigError, DeviceError

if TYPE_CHECKING:
    import torch

BATCH_BYTES = 64 * 2**20
ACCELERATOR_SHARE = 4
NAME = re.compile(r"auto|cpu|cuda(:\d+)?")


def check_name(name: str) -> None:
    """Raise `ConfigError` unless `name` is auto, cpu, cuda or cuda:INDEX."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"device: wanted auto, cpu, cuda or cuda:INDEX, found {name!r}")


def resolve(name: str) -> torch.device:
    """The device `name` means; "auto" is CUDA if there, else the CPU.

    Raises `DeviceError` with the reason where CUDA is asked for and not there: never a silent fallback.
    """
    import torch

    check_name(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if device.type == "cuda":
        _require_cuda(device.index or 0)
        # TensorFloat-32 has 10 bits of mantissa: energies with relative errors of 1e-6 cannot be learned in it.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
    return device


def resolve_shared(name: str, local_rank: int) -> torch.device:
    """The device `name` means to the process `local_rank` of several on one machine: every one its own GPU."""
    import torch

    check_shared(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = resolve(f"cuda:{local_rank}" if name == "cuda" else name)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def check_shared(name: str) -> None:
    """Raise `ConfigError` where `name` is one GPU: several processes cannot share it."""
    if ":" in name:
        raise ConfigError(
            f"device: several processes take a GPU each, found {name}",
            "--device cuda; CUDA_VISIBLE_DEVICES says which GPUs",
        )


def _require_cuda(index: int) -> None:
    import torch

    hint = "use --device cpu, or --device auto to take what is there"
    if torch.version.cuda is None:
        raise DeviceError(f"device cuda: this PyTorch ({torch.__version__}) is built without CUDA", hint)
    if not torch.cuda.is_available():
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        why = f"CUDA_VISIBLE_DEVICES={hidden!r} hides them" if hidden is not None else "no driver or no GPU found"
        raise DeviceError(f"device cuda: no CUDA device is visible ({why})", hint)
    if index >= torch.cuda.device_count():
        raise DeviceError(f"device cuda:{index}: only {torch.cuda.device_count()} CUDA devices are visible", hint)


def describe(device: torch.device) -> str:
    """A name for logs, such as `cpu (2 cores)` or `cuda:0 (NVIDIA H200)`."""
    import torch

    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"cpu ({cores()} cores)"


def cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(device: torch.device) -> int:
    """Bytes that can still be allocated on `device`."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def batch_bytes(device: torch.device) -> int:
    """Bytes for the temporary memory of one batch.

    On a CPU what its caches profit from; on an accelerator a share of what is free now, since a batch takes several
    copies and other processes may be there.
    """
    return BATCH_BYTES if device.type == "cpu" else max(BATCH_BYTES, free_memory(device) // ACCELERATOR_SHARE)


def require_memory(device: torch.device, needed: int, purpose: str) -> None:
    """Raise `DeviceError` before any work starts where `needed` bytes cannot fit."""
    free = free_memory(device)
    if needed > free:
        raise DeviceError(
            f"{purpose} needs about {needed / 2**30:.1f} GiB on {device.type}, {free / 2**30:.1f} GiB are free",
            "take a smaller lattice, fewer workers or a larger machine",
        )
