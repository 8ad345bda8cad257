"""Every published figure with ours beside it, met or not. The published numbers stand in conf/experiment/."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from efnn_cli.core.numbers import number, with_error
from efnn_cli.studies.paper_presets import Claim
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_timing import DENSE, DETERMINANT, NETWORK, PUBLISHED_WAY
from efnn_cli.studies.summary import Group

NOT_RUN = "not run"
UNDEFINED = "not defined"
OF_TIMES = ("speedup", "dense_seconds")
ONE_CORE = "eigenvalues, one core"


@dataclass(frozen=True)
class Agreement:
    """One published figure beside ours."""

    experiment: str
    what: str
    published: str
    ours: str
    met: bool | None
    """None if there is nothing to compare."""
    note: str
    """Words on our figure, such as its widths."""

    @property
    def word(self) -> str:
        """Return the agreement for a table."""
        if self.met is None:
            return "-" if self.ours in (NOT_RUN, UNDEFINED) else "not comparable"
        return "met" if self.met else "missed"


def agreements(every: Sequence[Reproduction]) -> list[Agreement]:
    """Return the published figures of all experiments, in the order of the presets."""
    return [
        COMPARED[claim.measure](each, claim) or _agreement(each, claim, NOT_RUN, None)
        for each in every
        for claim in each.experiment.preset.published
    ]


def _agreement(found: Reproduction, claim: Claim, ours: str, met: bool | None, note: str = "") -> Agreement:
    """Return one published figure with ours. A scale too small for published errors is not compared with them."""
    comparable = found.experiment.scale.comparable or claim.measure in OF_TIMES
    published = claim.published or number(claim.value, 3)
    return Agreement(found.experiment.name, claim.what, published, ours, met if comparable else None, note)


def _best(found: Reproduction, depth: int | None = None) -> Group | None:
    """Return the EFNN with its own recipe."""
    return next((each for each in found.groups.get("best", ()) if depth is None or each.depth == depth), None)


def _error(found: Reproduction, claim: Claim) -> Agreement | None:
    """Compare the error of the EFNN with an upper bound."""
    group = _best(found, claim.depth)
    if group is None:
        return None
    if not group.defines(claim.quantity):
        return _agreement(found, claim, UNDEFINED, None, "the mean energy is near 0")
    mean, spread = group.test(claim.quantity)
    return _agreement(found, claim, with_error(mean, spread), mean <= claim.value)


def _others(found: Reproduction, claim: Claim) -> Agreement | None:
    """Compare the other networks with the EFNN at equal width, depth and recipe."""
    quantity = found.experiment.preset.quantity
    groups = [each for each in found.groups.get("widths", []) if each.defines(quantity)]
    widest = max((each.width for each in groups), default=0)
    parts, ratios = [], []
    for depth in sorted({each.depth for each in groups} & {2, 3}):
        errors = {each.model: each.test(quantity)[0] for each in groups if (each.depth, each.width) == (depth, widest)}
        ours = errors.pop("efnn", None)
        if ours and errors:
            near, far = min(errors.values()) / ours, max(errors.values()) / ours
            ratios.append(near)
            parts.append(f"D = {depth}, width {widest}: {near:.3g} to {far:.3g}")
    if not ratios:
        return None
    return _agreement(found, claim, f"at least {min(ratios):.3g}", min(ratios) >= claim.value, "; ".join(parts))


def _over_effective(found: Reproduction, claim: Claim) -> Agreement | None:
    """Compare the linear model with the EFNN."""
    group, fitted = _best(found), found.groups.get("effective", [])
    if group is None or not fitted or not (group.defines(claim.quantity) and fitted[0].defines(claim.quantity)):
        return None
    error = group.test(claim.quantity)[0]
    ratio = fitted[0].test(claim.quantity)[0] / error
    note = f"{fitted[0].parameters} coefficients"
    for each in found.groups.get("neighbours", ()):
        note += f"; {each.test(claim.quantity)[0] / error:.2g} with {each.parameters} coefficients"
    return _agreement(found, claim, f"{ratio:.2g}", ratio >= claim.value, note)


def _falls(found: Reproduction, claim: Claim) -> Agreement | None:
    """Compare the errors at successive sizes between the two of the claim: they must fall."""
    first, last = claim.sizes
    group = _best(found)
    within = [size for size in found.experiment.sizes if first <= size <= last]
    errors = [(size, mean) for size, mean, _ in group.against_size(within, claim.quantity)] if group else []
    if len(errors) < 2 or (errors[0][0], errors[-1][0]) != (first, last):
        return None
    falling = all(later < earlier for (_, earlier), (_, later) in itertools.pairwise(errors))
    means = [number(mean, 2) for _, mean in errors]
    note = f"{', '.join(means)} at L = {', '.join(str(size) for size, _ in errors)}"
    return _agreement(found, claim, f"{means[0]} to {means[-1]}", falling, note)


def _speedup(found: Reproduction, claim: Claim) -> Agreement | None:
    """Compare with the eigenvalues alone, the quicker exact diagonalisation, for one configuration."""
    (size,) = claim.sizes
    times = {name: dict(points) for name, points in found.seconds.items()}
    ours, exact = times.get(NETWORK, {}).get(size), times.get(DENSE, {}).get(size)
    if ours is None or exact is None:
        return None
    note = f"{exact:.3g} s / {1e3 * ours:.2g} ms, {ONE_CORE}"
    for name in (DETERMINANT, PUBLISHED_WAY):
        if size in times.get(name, {}):
            note += f"; {times[name][size] / ours:.0f} against {name}"
    return _agreement(found, claim, f"{exact / ours:.0f}", exact / ours >= claim.value, note)


def _dense_seconds(found: Reproduction, claim: Claim) -> Agreement | None:
    """Compare exact diagonalisation at one size."""
    ours = dict(found.seconds.get(DENSE, [])).get(claim.sizes[0])
    return None if ours is None else _agreement(found, claim, f"{ours:.2g} s", ours <= claim.value, ONE_CORE)


COMPARED: dict[str, Callable[[Reproduction, Claim], Agreement | None]] = {
    "error": _error,
    "others": _others,
    "over_effective": _over_effective,
    "falls": _falls,
    "speedup": _speedup,
    "dense_seconds": _dense_seconds,
}
"""By the measure of a claim."""
