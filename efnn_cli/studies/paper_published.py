"""Every published figure with ours beside it, met or not. The published numbers stand in conf/experiment/."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from efnn_cli.studies.paper_presets import Speed
from efnn_cli.studies.paper_results import Reproduction
from efnn_cli.studies.paper_timing import DENSE, DETERMINANT, NETWORK, PUBLISHED_WAY
from efnn_cli.studies.summary import LABELS, Group, with_spread

FAR = 10.0
"""The factor of "far above"."""
ORDER = 10**0.5
"""The factor of "of the order of"."""
NOT_RUN = "not run at this scale"
UNDEFINED = "not defined here: the mean energy is near 0"


@dataclass(frozen=True)
class Verdict:
    """One published figure beside ours."""

    what: str
    published: str
    ours: str = NOT_RUN
    met: bool | None = None
    """None if there is nothing to compare."""


def verdicts(every: Sequence[Reproduction]) -> list[Verdict]:
    """Return the published figures of all experiments, in the order of the presets."""
    return [verdict for each in every for verdict in _of(each)]


def _of(found: Reproduction) -> Iterator[Verdict]:
    published = found.experiment.preset.published
    for quantity in ("relative_error", "rmse"):
        for depth, bound in getattr(published, quantity).items():
            yield _bound(found, quantity, int(depth), bound)
    if published.rivals:
        yield _rivals(found, published.rivals)
    if published.order is not None:
        yield _order(found, published.order)
    if published.over_effective is not None:
        yield _over_effective(found, published.over_effective)
    if published.decreases:
        yield _decreases(found, published.decreases)
    if published.network_seconds is not None:
        yield _speed(found, published.network_seconds)
    for size, seconds in published.dense_seconds.items():
        yield _dense(found, int(size), seconds)


def _title(found: Reproduction) -> str:
    return f"`{found.experiment.name}`"


def _best(found: Reproduction, depth: int | None = None) -> Group | None:
    """Return the EFNN with the default recipe."""
    return next((each for each in found.groups.get("best", ()) if depth is None or each.depth == depth), None)


def _bound(found: Reproduction, quantity: str, depth: int, bound: float) -> Verdict:
    """Compare with an upper bound, or a figure to be reached, at one depth."""
    what, published = f"{_title(found)}, EFNN, D = {depth}: {LABELS[quantity]}", f"{bound:.0e}"
    group = _best(found, depth)
    if group is None:
        return Verdict(what, published)
    if not group.defines(quantity):
        return Verdict(what, published, UNDEFINED)
    mean, spread = group.test(quantity)
    times = f"{bound / mean:.3g} times below" if mean <= bound else f"{mean / bound:.3g} times above"
    return Verdict(what, published, f"{with_spread(mean, spread)} ({times})", mean <= bound)


def _rivals(found: Reproduction, published: str) -> Verdict:
    """Compare the other networks with the EFNN at equal width, depth and recipe."""
    what = f"{_title(found)}: DNN, ResNet, DenseNet against the EFNN at equal width"
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
            parts.append(f"D = {depth}, width {widest}: {near:.3g} to {far:.3g} times its error")
    return Verdict(what, published, "; ".join(parts), min(ratios) >= FAR) if ratios else Verdict(what, published)


def _order(found: Reproduction, order: float) -> Verdict:
    what, published = f"{_title(found)}, L = {found.size}: relative error of the EFNN", f"order {order:.0e}"
    group = _best(found)
    if group is None or not group.defines("relative_error"):
        return Verdict(what, published)
    mean, spread = group.test("relative_error")
    return Verdict(what, published, with_spread(mean, spread), mean < ORDER * order)


def _over_effective(found: Reproduction, factor: float) -> Verdict:
    what = f"{_title(found)}, L = {found.size}: error of the effective model over that of the EFNN"
    published = f"about {factor:g}"
    group, fitted = _best(found), found.groups.get("effective", [])
    if group is None or not fitted or not (group.defines("relative_error") and fitted[0].defines("relative_error")):
        return Verdict(what, published)
    error = group.test("relative_error")[0]
    ratio = fitted[0].test("relative_error")[0] / error
    ours = f"{ratio:.2g} ({fitted[0].parameters} coefficients)"
    for each in found.groups.get("neighbours", ()):
        ours += f"; {each.test('relative_error')[0] / error:.2g} (nearest neighbours alone)"
    return Verdict(what, published, ours, ratio >= factor)


def _decreases(found: Reproduction, sizes: Sequence[int]) -> Verdict:
    first, last = sizes
    what = f"{_title(found)}, L = {first} to {last} without retraining"
    published = "the relative error decreases with L"
    group = _best(found)
    within = [size for size in found.experiment.sizes if first <= size <= last]
    values = [(size, group.at_size(size, "relative_error")) for size in within] if group else []
    errors = [(size, value[0]) for size, value in values if value is not None]
    if len(errors) < 2 or (errors[0][0], errors[-1][0]) != (first, last):
        return Verdict(what, published)
    falling = all(later < earlier for (_, earlier), (_, later) in itertools.pairwise(errors))
    ours = ", ".join(f"{value:.1e}" for _, value in errors) + " at L = " + ", ".join(str(size) for size, _ in errors)
    return Verdict(what, published, ours, falling)


def _speed(found: Reproduction, speed: Speed) -> Verdict:
    """Compare with the eigenvalues alone, the quicker exact diagonalisation, for one configuration."""
    what = f"{_title(found)}, one {speed.L} x {speed.L} configuration: EFNN / exact diagonalisation"
    factor = speed.dense / speed.network
    published = f"{1e3 * speed.network:.2g} ms / {speed.dense:.3g} s: a factor {factor:.0f}"
    times = {name: dict(points) for name, points in found.seconds.items()}
    ours, exact = times.get(NETWORK, {}).get(speed.L), times.get(DENSE, {}).get(speed.L)
    if ours is None or exact is None:
        return Verdict(what, published)
    text = f"{1e3 * ours:.2g} ms / {exact:.3g} s: a factor {exact / ours:.0f} (eigenvalues, one core)"
    for name in (DETERMINANT, PUBLISHED_WAY):
        if speed.L in times.get(name, {}):
            text += f"; {times[name][speed.L] / ours:.0f} against {name}"
    return Verdict(what, published, text, exact / ours >= factor)


def _dense(found: Reproduction, size: int, seconds: float) -> Verdict:
    """Compare exact diagonalisation at one size."""
    what = f"{_title(found)}, L = {size}: exact diagonalisation of one configuration"
    ours = dict(found.seconds.get(DENSE, [])).get(size)
    if ours is None:
        return Verdict(what, f"{seconds:.3g} s")
    return Verdict(what, f"{seconds:.3g} s", f"{ours:.2g} s (eigenvalues, one core)", ours <= seconds)
