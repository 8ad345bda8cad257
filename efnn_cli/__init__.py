"""efnn: Effective Field Neural Networks for many-body energies (arXiv:2502.17665).

The command line is `efnn`; from Python, with the settings of the command line as arguments:

    import efnn_cli as efnn

    data = efnn.generate("heisenberg", "system.J2=0.3", L=6, samples=100)
    run = efnn.train(model="efnn", depth=1, epochs=2, data=data)
    energies = run.predict(data.spins)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from efnn_cli.api import DatasetFile, EfnnError, Run, evaluate, extrapolate, generate, load, plot, sample, train

__all__ = ["DatasetFile", "EfnnError", "Run", "evaluate", "extrapolate", "generate", "load", "plot", "sample", "train"]


def __getattr__(name: str) -> Any:
    """Return a name of `efnn_cli.api`, imported when first asked for: the command line must start fast."""
    if name in __all__:
        from efnn_cli import api

        return getattr(api, name)
    raise AttributeError(f"module 'efnn_cli' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of the module, those that are not yet imported too."""
    return sorted({*globals(), *__all__})
