"""One configuration for viewers: OVF 2.0 (OOMMF, mumax, Ubermag, Spirit) and VTK images (.vti: ParaView, PyVista).

Sites stand at (x, y, 0) in units of the cell vectors, x fastest; a triangular lattice is drawn as if it were square.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from efnn_cli.storage import atomic

Array = NDArray[np.float64]

OVF_CHECK = 123456789012345.0  # the first number of binary data, by which readers know the byte order


def write_ovf(path: Path, spins: Array, title: str) -> None:
    """Write a configuration (3, Lx, Ly) as OVF 2.0 with binary float64, atomically."""
    lines = ["OOMMF OVF 2.0", "Segment count: 1", "Begin: Segment", "Begin: Header", f"Title: {title}"]
    lines += ["meshtype: rectangular", "meshunit: 1", "valuedim: 3", "valuelabels: s_x s_y s_z", "valueunits: 1 1 1"]
    for axis, count in zip("xyz", (*spins.shape[1:], 1), strict=True):
        lines += [f"{axis}min: 0", f"{axis}max: {count}", f"{axis}base: 0.5", f"{axis}nodes: {count}"]
        lines.append(f"{axis}stepsize: 1")
    lines += ["End: Header", "Begin: Data Binary 8"]
    head = "".join(f"# {line}\n" for line in lines)
    values = np.concatenate([[OVF_CHECK], _x_fastest(spins).ravel()]).astype("<f8")
    atomic.write_bytes(path, head.encode() + values.tobytes() + b"\n# End: Data Binary 8\n# End: Segment\n")


def write_vti(path: Path, spins: Array, title: str) -> None:
    """Write a configuration (3, Lx, Ly) as a VTK image with the point vectors `spins`, atomically."""
    extent = f"0 {spins.shape[1] - 1} 0 {spins.shape[2] - 1} 0 0"
    rows = "\n".join(" ".join(f"{each:.17g}" for each in row) for row in _x_fastest(spins))
    atomic.write_text(
        path,
        f"""<?xml version="1.0"?>
<!-- {title} -->
<VTKFile type="ImageData" version="0.1" byte_order="LittleEndian">
<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="1 1 1">
<Piece Extent="{extent}">
<PointData Vectors="spins">
<DataArray type="Float64" Name="spins" NumberOfComponents="3" format="ascii">
{rows}
</DataArray>
</PointData>
</Piece>
</ImageData>
</VTKFile>
""",
    )


def _x_fastest(spins: Array) -> Array:
    """Return a configuration (3, Lx, Ly) as rows (n, 3), x fastest."""
    return spins.transpose(2, 1, 0).reshape(-1, 3)


WRITERS: dict[str, Callable[[Path, Array, str], None]] = {"ovf": write_ovf, "vti": write_vti}
