"""Sum over x, y, z of the product of two linear forms of the spins: the invariants, without their intermediates.

Written as one function of autograd since its intermediates are 2 x 3 times as large as its result: block by block they
stay in the caches of a CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Gather = Callable[[Tensor, int], Tensor]


class SumOfProducts(torch.autograd.Function):
    """sum_c (A_c U)(A_c V) for A = gather(spins, k) (3, B, M, K) and a matrix [U V] (K, 2 N): (B, M, N).

    Differentiable in the matrix only: spins are data.
    """

    @staticmethod
    def forward(ctx: Any, spins: Tensor, matrix: Tensor, gather: Gather, k: int, block: int) -> Tensor:
        """Apply to spins (B, 3, L, L), `block` configurations at a time."""
        ctx.parts = []
        found = []
        for part in torch.split(spins, block):
            gathered = gather(part, k)
            both = (gathered.flatten(0, 2) @ matrix).view(*gathered.shape[:3], 2, len(matrix.T) // 2)  # (3, b, M, 2, N)
            total = both[0, :, :, 0] * both[0, :, :, 1]
            for component in both[1:]:
                total.addcmul_(component[:, :, 0], component[:, :, 1])
            found.append(total)
            if ctx.needs_input_grad[1]:
                ctx.parts.append((gathered, both))
        return found[0] if len(found) == 1 else torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Gradient of the matrix; may be asked for once."""
        sizes = [both.shape[1] for _, both in ctx.parts]
        total = None
        for (gathered, both), grad in zip(ctx.parts, torch.split(gradients[0], sizes), strict=True):
            back = torch.empty_like(both)
            torch.mul(both[:, :, :, 1], grad, out=back[:, :, :, 0])
            torch.mul(both[:, :, :, 0], grad, out=back[:, :, :, 1])
            left, right = gathered.flatten(0, 2).t(), back.flatten(3).flatten(0, 2)
            total = left @ right if total is None else total.addmm_(left, right)
        ctx.parts = []
        return None, total, None, None, None
