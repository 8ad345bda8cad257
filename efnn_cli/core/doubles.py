"""Double precision where a device has none: what is float64 then stays in main memory.

Networks compute in float32 on any device. Labels, sums over sites and the units of energies are float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from efnn_cli.core.errors import DeviceError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WITHOUT = frozenset({"mps"})
"""Types of devices that have no float64."""


def has_float64(device: torch.device) -> bool:
    """Return True where `device` has float64."""
    return device.type not in WITHOUT


def require(device: torch.device, purpose: str, hint: str = "--device cpu") -> None:
    """Raise `DeviceError` where `purpose` needs a float64 that `device` has not."""
    if not has_float64(device):
        raise DeviceError(f"device {device.type} is not possible here: it has no float64, in which {purpose}", hint)


def float64_device(device: torch.device) -> torch.device:
    """Return the device of float64 tensors that belong to others on `device`: itself, or the CPU."""
    import torch

    return device if has_float64(device) else torch.device("cpu")


def to_device(x: Tensor, device: torch.device) -> Tensor:
    """Return `x` on `device`, in float32 where it has no float64."""
    return (x if has_float64(device) else x.float()).to(device)


def as_float64(x: Tensor) -> Tensor:
    """Return `x` in float64, on its device or, where that has none, on the CPU."""
    return x.to(float64_device(x.device)).double()


def sum_float64(x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Return the sum of `x` over `dim`, accumulated in float64, on the device of `as_float64`."""
    import torch

    return x.to(float64_device(x.device)).sum(dim=dim, dtype=torch.float64)
