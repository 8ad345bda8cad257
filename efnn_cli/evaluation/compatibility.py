"""Compatibility of a network and a dataset: both of one Hamiltonian."""

from __future__ import annotations

from efnn_cli.core.errors import InputError
from efnn_cli.datasets.hamiltonian import couplings_hash
from efnn_cli.physics.system import System
from efnn_cli.runs.loading import Run


def require_same_hamiltonian(run: Run, system: System, source: str) -> None:
    """Raise `InputError` naming the difference unless `system` has the Hamiltonian that `run` was trained on."""
    ours, theirs = run.system, system
    if ours.name != theirs.name:
        raise InputError(f"{source} is of {theirs.name}, but {run.path} was trained on {ours.name}")
    wanted, found = ours.hamiltonian(), theirs.hamiltonian()
    if ours.geometry == "dense" and ours.size != theirs.size:
        raise InputError(
            f"{source} has {theirs.size} spins, but {run.path} is a dense network of {ours.size}",
            "only lattice networks fit other sizes",
        )
    for key, value in wanted.items():
        if key == "unit" and None in (value, found[key]):  # of energies from elsewhere, which may be unknown
            continue
        if found.get(key) != value and key != "coupling_seed":
            raise InputError(
                f"{source} is of another Hamiltonian: system.{key} = {found.get(key)}, trained with {value}"
            )
    if run.config["couplings_sha256"] != couplings_hash(theirs.couplings):
        raise InputError(
            f"{source} has other couplings (system.coupling_seed = {found.get('coupling_seed')}) than {run.path} "
            f"(system.coupling_seed = {wanted.get('coupling_seed')})"
        )
