"""Systems of one's own: a dataclass of parameters with an `energy` becomes a `System`.

What the class does not say has a safe value: a lattice of unit vectors, uniform spins, no symmetry. Where a stored
system is of a file that was not named, an `Absent` one stands for it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from efnn_cli.core import checks, rng
from efnn_cli.core.errors import ConfigError, EfnnError, InputError
from efnn_cli.core.registry import Source
from efnn_cli.core.resources import is_short
from efnn_cli.core.size import lattice_size, parse
from efnn_cli.physics import sampling as spin_sampling
from efnn_cli.physics.external import WithoutEnergy
from efnn_cli.physics.lattices import IDENTITY, Operation
from efnn_cli.physics.system import NO_GRADIENT, Array, Draw, System

NUMPY = re.compile(r"\b(np|numpy)\.[\w.]+\(")  # a call
NOUNS = {"energy": "energies", "fields": "fields"}
SIZES = {"lattice": 10, "dense": 15}
SAMPLINGS = {"lattice": ("uniform_sphere", "uniform_angles", "thermal", "ladder"), "dense": ("uniform",)}


class OwnSystem(System):
    """Defaults of a system of one's own."""

    symmetry: ClassVar[str] = "none"
    numpy: ClassVar[bool] = False
    """True where `energy` and `fields` take NumPy arrays."""

    @property
    def even(self) -> bool:
        """True with the symmetry o3, which contains S -> -S."""
        return self.symmetry == "o3"

    def __post_init__(self) -> None:
        self.L = lattice_size("system.L", self.L) if self.geometry == "lattice" else int(parse("system.L", self.L))

    def point_group(self) -> tuple[Operation, ...]:
        """Return the identity."""
        return (Operation(IDENTITY),)

    def sample(self, sampling: str, draw: Draw) -> Array:
        """Unit vectors (count, 3, Lx, Ly), or independent spins (count, L), uniform in `spin_range`."""
        checks.one_of("sampling", sampling, self.samplings)
        if self.geometry == "lattice":
            return spin_sampling.sample(sampling, draw, self.size)
        generator = rng.stream(draw.seed, "spins", draw.purpose, draw.shard)
        return generator.uniform(*self.spin_range, (draw.count, *self.spin_shape))


def as_system(found: Any, source: Source) -> tuple[str, type[System]]:
    """Return the name of a system and its class, made of the user's class; raise `ConfigError` for anything else."""
    if not isinstance(found, type) or not callable(getattr(found, "energy", None)):
        raise ConfigError(f"{source.place}: wanted a class of parameters with energy(spins), found {found!r}")
    own: Any = found if dataclasses.is_dataclass(found) else dataclass(found)
    geometry = getattr(own, "geometry", "lattice")
    checks.one_of(f"{source.place}: geometry", geometry, SIZES)
    name = getattr(own, "name", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", own.__name__).lower())
    checks.plain_name(f"{source.place}: name", name)
    file = getattr(sys.modules[own.__module__], "__file__", None)

    def guarded(method: str) -> Callable[..., Any]:
        def call(self: Any, *given: Any) -> Any:
            with _users_code(f"{source.place}: {method}", file, numpy=self.numpy):
                return getattr(own, method)(self, *given)

        return call

    def asked(self: Any, method: str, spins: Tensor, shape: tuple[int, ...]) -> Tensor:
        with _users_code(f"{source.place}: {method}", file, numpy=self.numpy):
            found = getattr(own, method)(self, spins.numpy(force=True) if self.numpy else spins)
            found = torch.as_tensor(found, dtype=torch.float64, device=spins.device)
        if found.shape != shape:
            wanted = f"({shape[0]},)" if len(shape) == 1 else str(tuple(shape))
            raise ConfigError(f"{source.place}: wanted {NOUNS[method]} {wanted}, found {tuple(found.shape)}")
        return found

    namespace = {
        "name": name,
        "kind": getattr(own, "kind", f"external_{geometry}"),
        "geometry": geometry,
        "samplings": getattr(own, "samplings", SAMPLINGS[geometry]),
        "plug_in": {"source": source.place, "sha256": source.sha256},
        "energy": lambda self, spins: asked(self, "energy", spins, (len(spins),)),
    }
    namespace |= {each: guarded(each) for each in ("__post_init__", "sample", "point_group") if hasattr(own, each)}
    if getattr(own, "fields", System.fields) is not System.fields:
        namespace["fields"] = lambda self, spins: asked(self, "fields", spins, tuple(spins.shape))
    sized = "L" in {each.name for each in dataclasses.fields(own)}
    size = [] if sized else [("L", int | str, dataclasses.field(default=SIZES[geometry]))]
    cls = dataclasses.make_dataclass(own.__name__, size, bases=(own, OwnSystem), namespace=namespace)
    cls.__module__ = own.__module__
    return name, cls


@contextlib.contextmanager
def _users_code(call: str, file: str | None, *, numpy: bool) -> Iterator[None]:
    """Turn an error of the user's `file` in the body into a `ConfigError` that names the line of it."""
    try:
        yield
    except Exception as error:
        no_gradient = isinstance(error, RuntimeError) and NO_GRADIENT.search(str(error))
        if isinstance(error, EfnnError) or is_short(error) or no_gradient:
            raise
        frames = traceback.extract_tb(error.__traceback__)
        own = [each for each in frames if file is not None and os.path.abspath(each.filename) == os.path.abspath(file)]
        where = f" at line {own[-1].lineno}, {own[-1].line}" if own else ""
        met = any(NUMPY.search(each.line or "") for each in own) or any("/numpy/" in each.filename for each in frames)
        raise ConfigError(
            f"{call} failed{where}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
            "NumPy was given tensors: write numpy = True in the class" if met and not numpy else "mend the file",
        ) from error


@dataclass
class Absent(WithoutEnergy):
    """A system whose plug-in was not named: a network of it predicts, but nothing can be labelled."""

    L: int | str
    others: dict[str, Any]
    """The other parameters, as they were stored."""

    def __reduce__(self) -> tuple[Any, ...]:
        return absent, (self.name, self.parameters(), self.plug_in)

    def parameters(self) -> dict[str, Any]:
        """The parameters as they were stored."""
        return {"L": self.L, **self.others}

    def unknown(self) -> InputError:
        """Return the error for work that needs the energy."""
        assert self.plug_in is not None
        return InputError(
            f"the energy of {self.name} is computed by {self.plug_in['source']}, which was not named: "
            "no reference can be made",
            f"add system={self.plug_in['source']}, which runs that file",
        )

    def point_group(self) -> tuple[Operation, ...]:
        """Return the identity."""
        return (Operation(IDENTITY),)


def absent(name: str, parameters: Mapping[str, Any], plug_in: Mapping[str, Any]) -> System:
    """Return the stand-in of a stored system; raise `ConfigError` where its description is not complete."""
    others = dict(parameters)
    try:
        facts = {key: plug_in[key] for key in ("kind", "geometry", "symmetry", "even", "energy_unit")}
        facts |= {"spin_range": tuple(plug_in["spin_range"]), "plug_in": dict(plug_in), "name": name}
        cls = type("Absent", (Absent,), facts)
        return cls(others.pop("L"), others)  # type: ignore[no-any-return]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"system: {name} is not completely described: {error}") from error
