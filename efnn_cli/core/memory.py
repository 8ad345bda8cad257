"""Memory of a device: size of batches, refusals, and smaller batches where memory is short."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from efnn_cli.core.errors import DeviceError
from efnn_cli.core.limits import free_bytes

if TYPE_CHECKING:
    import torch

BATCH_BYTES = 64 * 2**20
ACCELERATOR_SHARE = 4
# Messages of libraries of the host and of CUDA.
SHORT = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUDA driver error: out of memory",
    "_ALLOC_FAILED",
    "std::bad_alloc",
)

SMALLER = "take a smaller lattice, fewer workers or a larger machine"

Found = TypeVar("Found")


def free_memory(device: torch.device) -> int:
    """Bytes that can still be allocated on `device`."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return free_bytes()


def batch_bytes(device: torch.device) -> int:
    """Bytes for the temporary memory of one batch.

    On a CPU a size that fits its caches. On an accelerator a share of what is free now, since a batch takes several
    copies and other processes may use it too.
    """
    return BATCH_BYTES if device.type == "cpu" else max(BATCH_BYTES, free_memory(device) // ACCELERATOR_SHARE)


def require_memory(device: torch.device, needed: int, purpose: str, hint: str = SMALLER) -> None:
    """Raise `DeviceError` before any work starts where `needed` bytes cannot fit."""
    free = free_memory(device)
    if needed > free:
        raise DeviceError(
            f"{purpose} needs about {needed / 2**30:.1f} GiB on {device.type}, {free / 2**30:.1f} GiB are free",
            hint,
        )


def is_short(error: BaseException) -> bool:
    """Return whether `error` means that some device has too little memory."""
    text = str(error)
    # By names: torch is not loaded for this, and the libraries below it have errors of their own.
    return isinstance(error, MemoryError) or "OutOfMemory" in type(error).__name__ or any(w in text for w in SHORT)


def in_parts(work: Callable[[torch.Tensor], Found], batch: torch.Tensor) -> list[Found]:
    """Return [work(batch)], or the results for halves of `batch` (B, ...) and their halves where memory is short.

    A batch that was estimated to fit may not, since other processes take memory too. Raises where one item is too much.
    """
    try:
        return [work(batch)]
    except (RuntimeError, MemoryError) as error:
        if len(batch) < 2 or not is_short(error):
            raise
    # Only here is the memory of the failed attempt free: the error held its frames.
    half = len(batch) // 2
    return in_parts(work, batch[:half]) + in_parts(work, batch[half:])
