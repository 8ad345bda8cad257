"""Every published figure with ours beside it, met or not. The published numbers stand in conf/experiment/."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from efnn_cli.studies.compare_standings import with_spread
from efnn_cli.studies.paper_findings import Findings, Group
from efnn_cli.studies.paper_timing import DENSE, DETERMINANT, NETWORK, PUBLISHED_WAY

FAR = 10.0
"""What counts as "far above"."""
ORDER = 10**0.5
"""What counts as "of the order of"."""
NOT_RUN = "not run at this scale"
UNDEFINED = "not defined here: the mean energy is near 0"


@dataclass(frozen=True)
class Row:
    """One published figure."""

    what: str
    published: str
    ours: str
    met: bool | None
    """None where there is nothing to compare."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"what": self.what, "published": self.published, "ours": self.ours, "met": self.met}


def rows(every: Sequence[Findings]) -> list[Row]:
    """Of all experiments, in the order in which they were done."""
    return [row for findings in every for row in _of(findings)]


def _of(findings: Findings) -> Iterator[Row]:
    makers: dict[str, Callable[[Findings, Any], Iterator[Row]]] = {
        "relative_error": partial(_below, "relative_error"),
        "rmse": partial(_below, "rmse"),
        "rivals": _rivals,
        "order": _order,
        "over_effective": _over_effective,
        "decreases": _decreases,
        "network_seconds": _speed,
        "dense_seconds": _dense,
    }
    for key, value in findings.chosen.experiment.published.items():
        yield from makers[key](findings, value)


def _title(findings: Findings) -> str:
    return f"`{findings.chosen.experiment.name}`"


def _best(findings: Findings, depth: int | None = None) -> Group | None:
    """The EFNN with the default recipe."""
    found = [each for each in findings.groups.get("best", ()) if depth is None or each.depth == depth]
    return found[0] if found else None


def _below(quantity: str, findings: Findings, bounds: dict[str, float]) -> Iterator[Row]:
    """An upper bound, or a figure to be reached, at each depth."""
    label = {"relative_error": "relative error", "rmse": "RMSE"}[quantity]
    for depth, bound in bounds.items():
        what = f"{_title(findings)}, EFNN, D = {depth}: {label}"
        group = _best(findings, int(depth))
        if group is None or not group.defines(quantity):
            yield Row(what, f"{bound:.0e}", NOT_RUN if group is None else UNDEFINED, None)
            continue
        mean, spread = group.test(quantity)
        times = f"{bound / mean:.3g} times below" if mean <= bound else f"{mean / bound:.3g} times above"
        yield Row(what, f"{bound:.0e}", f"{with_spread(mean, spread, '±')} ({times})", mean <= bound)


def _rivals(findings: Findings, said: str) -> Iterator[Row]:
    """The other networks at equal width, depth and recipe."""
    what = f"{_title(findings)}: DNN, ResNet, DenseNet against the EFNN at equal width"
    quantity = findings.chosen.experiment.quantity
    groups = [each for each in findings.groups.get("widths", []) if each.defines(quantity)]
    widest = max((each.width for each in groups), default=0)
    parts, ratios = [], []
    for depth in sorted({each.depth for each in groups} & {2, 3}):
        errors = {each.model: each.test(quantity)[0] for each in groups if (each.depth, each.width) == (depth, widest)}
        ours = errors.pop("efnn", None)
        if ours and errors:
            near, far = min(errors.values()) / ours, max(errors.values()) / ours
            ratios.append(near)
            parts.append(f"D = {depth}, width {widest}: {near:.3g} to {far:.3g} times its error")
    yield Row(what, said, "; ".join(parts) or NOT_RUN, min(ratios) >= FAR if ratios else None)


def _order(findings: Findings, order: float) -> Iterator[Row]:
    what = f"{_title(findings)}, L = {findings.size}: relative error of the EFNN"
    group = _best(findings)
    if group is None or not group.defines("relative_error"):
        yield Row(what, f"order {order:.0e}", NOT_RUN, None)
        return
    mean, spread = group.test("relative_error")
    yield Row(what, f"order {order:.0e}", with_spread(mean, spread, "±"), mean < ORDER * order)


def _over_effective(findings: Findings, factor: float) -> Iterator[Row]:
    what = f"{_title(findings)}, L = {findings.size}: error of the effective model over that of the EFNN"
    group, fitted = _best(findings), findings.groups.get("effective", [])
    if group is None or not fitted or not (group.defines("relative_error") and fitted[0].defines("relative_error")):
        yield Row(what, f"about {factor:g}", NOT_RUN, None)
        return
    ours = group.test("relative_error")[0]
    ratio = fitted[0].test("relative_error")[0] / ours
    said = f"{ratio:.2g} ({fitted[0].parameters} coefficients)"
    for each in findings.groups.get("neighbours", ()):
        said += f"; {each.test('relative_error')[0] / ours:.2g} (nearest neighbours alone)"
    yield Row(what, f"about {factor:g}", said, ratio >= factor)


def _decreases(findings: Findings, sizes: Sequence[int]) -> Iterator[Row]:
    first, last = sizes
    what = f"{_title(findings)}, L = {first} to {last} without retraining"
    said = "the relative error decreases with L"
    group = _best(findings)
    within = [size for size in findings.chosen.sizes if first <= size <= last]
    found = [(size, group.at_size(size, "relative_error")) for size in within] if group else []
    errors = [(size, value[0]) for size, value in found if value is not None]
    if [size for size, _ in errors][:: max(len(errors) - 1, 1)] != [first, last]:
        yield Row(what, said, NOT_RUN, None)
        return
    falling = all(later < earlier for (_, earlier), (_, later) in itertools.pairwise(errors))
    yield Row(
        what,
        said,
        ", ".join(f"{value:.1e}" for _, value in errors) + " at L = " + ", ".join(str(s) for s, _ in errors),
        falling,
    )


def _speed(findings: Findings, published: dict[str, float]) -> Iterator[Row]:
    """One configuration of 40 x 40; judged by the eigenvalues alone, which is the quicker exact diagonalisation."""
    size = int(published["L"])
    network, dense = published["network"], published["dense"]
    what = f"{_title(findings)}, one {size} x {size} configuration: EFNN / exact diagonalisation"
    said = f"{1e3 * network:.2g} ms / {dense:.3g} s: a factor {dense / network:.0f}"
    times = {name: dict(points) for name, points in findings.seconds.items()}
    ours, exact = times.get(NETWORK, {}).get(size), times.get(DENSE, {}).get(size)
    if ours is None or exact is None:
        yield Row(what, said, NOT_RUN, None)
        return
    found = f"{1e3 * ours:.2g} ms / {exact:.3g} s: a factor {exact / ours:.0f} (eigenvalues, one core)"
    for name in (DETERMINANT, PUBLISHED_WAY):
        if size in times.get(name, {}):
            found += f"; {times[name][size] / ours:.0f} against {name}"
    yield Row(what, said, found, exact / ours >= dense / network)


def _dense(findings: Findings, published: dict[str, float]) -> Iterator[Row]:
    """Exact diagonalisation at every size."""
    times = dict(findings.seconds.get(DENSE, []))
    for size, seconds in published.items():
        what = f"{_title(findings)}, L = {size}: exact diagonalisation of one configuration"
        ours = times.get(int(size))
        if ours is None:
            yield Row(what, f"{seconds:.3g} s", NOT_RUN, None)
        else:
            yield Row(what, f"{seconds:.3g} s", f"{ours:.2g} s (eigenvalues, one core)", ours <= seconds)
