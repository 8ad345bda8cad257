"""efnn: Effective Field Neural Networks for many-body energies (arXiv:2502.17665).

The command line is `efnn`; from Python:

    import efnn_cli
    run = efnn_cli.load("outputs/heisenberg-efnn-d3-s0-9f8e7d6c")
    energies = run.predict(spins)

Floors, imports run downwards only: cli; reproduction; comparison and sweeps; plotting and benchmarks;
evaluation; runs; configuration, figures and report; training and labelling; models and storage; physics; errors,
checks, rng, device, memory, signals. `tests/test_floor_plan.py` has all of them and keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from efnn_cli.runs.loading import Run, load

__all__ = ["Run", "load"]


def __getattr__(name: str) -> Any:
    """`load` and `Run`, imported when first asked for: the command line must start fast."""
    if name in __all__:
        from efnn_cli.runs import loading

        return getattr(loading, name)
    raise AttributeError(f"module 'efnn_cli' has no attribute {name!r}")
