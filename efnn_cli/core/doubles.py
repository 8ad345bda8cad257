"""Double precision where a device has none: what is float64 then stays in main memory.

Networks compute in float32 on any device. Labels, sums over sites and the units of energies are float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from efnn_cli.core.errors import DeviceError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

WITHOUT = {"mps"}
"""Types of devices that have no float64."""


def there_are(device: torch.device) -> bool:
    """Return True where `device` has float64."""
    return device.type not in WITHOUT


def require(device: torch.device, purpose: str, hint: str = "--device cpu") -> None:
    """Raise `DeviceError` where `purpose` needs a float64 that `device` has not."""
    if not there_are(device):
        raise DeviceError(f"device {device.type} has no float64, in which {purpose}", hint)


def home(device: torch.device) -> torch.device:
    """Return the device of float64 tensors that belong to others on `device`: itself, or the CPU."""
    import torch

    return device if there_are(device) else torch.device("cpu")


def moved(x: Tensor, device: torch.device) -> Tensor:
    """Return `x` on `device`, in float32 where it has no float64."""
    return (x if there_are(device) else x.float()).to(device)


def of(x: Tensor) -> Tensor:
    """Return `x` in float64, on its device or, where that has none, on the CPU."""
    return x.to(home(x.device)).double()


def total(x: Tensor, dim: int | tuple[int, ...]) -> Tensor:
    """Return the sum of `x` over `dim`, accumulated in float64, where `of` puts it."""
    import torch

    return x.to(home(x.device)).sum(dim=dim, dtype=torch.float64)
