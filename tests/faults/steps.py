"""The commands that are killed: each with the folder it begins in, and what must be the same at its end."""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from efnn_cli.storage import documents, hdf5

TIMES = ("seconds", "samples_per_second", "speedup")  # columns and keys that hold them differ from run to run
ENDS = {
    ".png": b"IEND\xaeB`\x82",
    ".pdf": b"%%EOF\n",
    ".svg": b"</svg>\n",
    ".html": b"</html>\n",
    ".md": b"\n",
}
SYSTEM = ("double_exchange", "--L", "6", "--workers", "1")


@dataclass(frozen=True)
class Step:
    """One command; `before` are the commands whose results it needs."""

    name: str
    words: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    first: str = ""
    """Python that the process runs before the command."""
    replaces: bool = False
    """True where it replaces the result of one of `before`."""

    @property
    def command(self) -> list[str]:
        """Arguments of the process that runs the command."""
        code = f"{self.first}\nfrom efnn_cli.__main__ import run\nrun()"
        return [sys.executable, *(["-c", code] if self.first else ["-m", "efnn_cli"]), *self.words, "-q"]


GENERATE = ("generate", *SYSTEM, "--samples", "1200")
FEW = ("generate", *SYSTEM, "--samples", "60")
RECIPE = ("train", "training.batch_size=8")  # with the optimizer of its system and network
EFNN = (*RECIPE, "model=efnn", "depth=2")
TRAIN, SHORT = (*EFNN, "epochs=60"), (*EFNN, "epochs=20")
SIZE = ("--L", "6", "--samples", "60")
OTHERS = (  # the systems that `train` has not: a name, the dataset, the network
    ("three_spin", ("generate", "three_spin", *SIZE), ("model=dnn",)),
    ("heisenberg", ("generate", "heisenberg", *SIZE), ("model=efnn",)),
    ("infinite_range", ("generate", "heisenberg", "system.variant=infinite_range", *SIZE), ("model=efnn", "depth=3")),
)
OFTEN = "from efnn_cli.runs import fitting\nfitting.CHECKPOINT_SECONDS = 0.05"  # so that kills fall between two of them
PARTS = tuple(("generate", *SYSTEM, "--samples", "600", "--shards", "2", "--shard-index", index) for index in "01")
PRESETS = str(Path(__file__).parent / "presets")
REPRODUCE = ("reproduce", "small", "scale=smoke", "--workers", "2", "--config-dir", PRESETS)
STEPS: tuple[Step, ...] = (
    Step("generate", GENERATE),
    Step("train", TRAIN, (FEW,), OFTEN),
    *(Step(f"train {name}", (*RECIPE, "epochs=60", *words), (made,), OFTEN) for name, made, words in OTHERS),
    Step("extrapolate", ("extrapolate", "--L", "6,8,10", "--samples", "40"), (FEW, ("train", "model=effective"))),
    Step("reproduce", REPRODUCE),
    Step("merge", ("merge", "double_exchange", "--L", "6", "--samples", "600"), PARTS),
    Step("generate --overwrite", (*FEW, "--overwrite"), (FEW,), replaces=True),
    Step("train --overwrite", (*SHORT, "--overwrite"), (FEW, SHORT), OFTEN, replaces=True),
)


def final_files(folder: Path) -> list[Path]:
    """Every file that a reader would open: not the hidden ones, logs and locks."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    seen = [path for path in found if not any(part.startswith(".") for part in path.parts)]
    return sorted(path for path in seen if path.suffix not in ("", ".log"))


def content(path: Path) -> Any:
    """Return the content of a file without times; raises where it is not whole."""
    if path.suffix == ".h5":
        with hdf5.opened(path) as file:
            found: dict[str, Any] = {}

            def take(name: str, node: Any) -> None:
                if isinstance(node, h5py.Dataset) and name != "metadata":  # which holds times
                    found[name] = node[()].tobytes()

            file.visititems(take)
            return found
    if path.suffix == ".json":
        return without_times(documents.read_json(path))
    if path.suffix == ".yaml":
        return documents.read_yaml(path)
    if path.suffix == ".csv":
        rows = list(csv.DictReader(path.read_text().splitlines()))
        return [{key: cell for key, cell in row.items() if not is_time(key)} for row in rows]
    image = path.read_bytes()
    if path.suffix not in ENDS:
        return image
    assert image.endswith(ENDS[path.suffix]), path
    return path.suffix


def is_time(key: str) -> bool:
    """Return whether a column or key is a time, or computed from one."""
    return any(word in key for word in TIMES)


def without_times(node: Any) -> Any:
    """Nested values without the keys that are times."""
    if isinstance(node, dict):
        return {key: without_times(value) for key, value in node.items() if not is_time(key)}
    return node


def kept(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Return whether all files are unchanged, except the table of sizes, which grows, and its figure."""
    return all(now.get(name) == said for name, said in before.items() if "/extrapolation." not in name)


def contents(folder: Path) -> dict[str, Any]:
    """Return the content of all final files of a folder."""
    return {str(path): content(folder / path) for path in final_files(folder)}
