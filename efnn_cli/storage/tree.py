"""Nested plain values with tensors in them <-> one JSON skeleton and named arrays; no pickle.

Dicts, lists, tuples, None, bool, int, float (also infinite), str and tensors survive a round trip unchanged. That
includes the order of a tensor in memory: products of column-major matrices round differently from row-major ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from efnn_cli.core.errors import InputError


def flatten(value: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return the JSON skeleton of `value`; its tensors go to `arrays` under names that begin with `path`."""
    if isinstance(value, torch.Tensor):
        arrays[path] = value.detach().cpu().numpy()
        order = memory_order(value)
        return {"$tensor": path} | ({} if order == list(range(value.ndim)) else {"order": order})
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: flatten(item, f"{path}/{key}", arrays) for key, item in value.items()}
        return {"$items": [[key, flatten(item, f"{path}/{key}", arrays)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        items = [flatten(item, f"{path}/{index}", arrays) for index, item in enumerate(value)]
        return {"$tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{path}: cannot store {type(value).__name__}")


def on_cpu(value: Any) -> Any:
    """Return a copy of `value` with all its tensors on the CPU."""
    arrays: dict[str, NDArray[Any]] = {}
    return restore(flatten(value, "", arrays), arrays)


def restore(skeleton: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return the value that `flatten` was given; raises `InputError` where an array is missing."""
    if isinstance(skeleton, list):
        return [restore(item, arrays) for item in skeleton]
    if not isinstance(skeleton, dict):
        return skeleton
    if "$tensor" in skeleton:
        return _tensor(skeleton["$tensor"], skeleton.get("order"), arrays)
    if "$items" in skeleton:
        return {key: restore(item, arrays) for key, item in skeleton["$items"]}
    if "$tuple" in skeleton:
        return tuple(restore(item, arrays) for item in skeleton["$tuple"])
    if "$float" in skeleton:
        return float(skeleton["$float"])
    return {key: restore(item, arrays) for key, item in skeleton.items()}


def memory_order(tensor: torch.Tensor) -> list[int]:
    """Axes of `tensor` from the largest stride to the smallest."""
    steps = tensor.stride()
    return sorted(range(tensor.ndim), key=lambda axis: (-steps[axis], -tensor.shape[axis]))


def _tensor(name: str, order: list[int] | None, arrays: Mapping[str, NDArray[Any]]) -> torch.Tensor:
    """Return a copy of the array `name` as a tensor whose strides have this `order`."""
    if name not in arrays:
        raise InputError(f"a checkpoint without its tensor {name!r}")
    stored = torch.from_numpy(np.asarray(arrays[name]))
    order = list(range(stored.ndim)) if order is None else order
    if sorted(order) != list(range(stored.ndim)):
        raise InputError(f"its tensor {name!r} has {stored.ndim} axes, which cannot have the order {order}")
    shape = [stored.shape[axis] for axis in order]
    back = [order.index(axis) for axis in range(stored.ndim)]
    return torch.empty(shape, dtype=stored.dtype).permute(back).copy_(stored)
