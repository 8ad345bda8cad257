"""Nested plain values with tensors in them <-> one JSON skeleton and named arrays; no pickle.

Dicts, lists, tuples, None, bool, int, float (also infinite), str and tensors survive a round trip unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from efnn_cli.errors import InputError


def flatten(value: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """JSON skeleton of `value`; its tensors are added to `arrays` under names that begin with `path`."""
    if isinstance(value, torch.Tensor):
        arrays[path] = value.detach().cpu().numpy()
        return {"$tensor": path}
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
    """A copy of `value` with all its tensors on the CPU."""
    arrays: dict[str, NDArray[Any]] = {}
    return restore(flatten(value, "", arrays), arrays)


def restore(skeleton: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """The value that `flatten` was given; raises `InputError` where an array is missing."""
    if isinstance(skeleton, list):
        return [restore(item, arrays) for item in skeleton]
    if not isinstance(skeleton, dict):
        return skeleton
    if "$tensor" in skeleton:
        name = skeleton["$tensor"]
        if name not in arrays:
            raise InputError(f"a checkpoint without its tensor {name!r}")
        return torch.from_numpy(np.array(arrays[name]))
    if "$items" in skeleton:
        return {key: restore(item, arrays) for key, item in skeleton["$items"]}
    if "$tuple" in skeleton:
        return tuple(restore(item, arrays) for item in skeleton["$tuple"])
    if "$float" in skeleton:
        return float(skeleton["$float"])
    return {key: restore(item, arrays) for key, item in skeleton.items()}
