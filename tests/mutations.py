"""Plant small realistic mistakes, one at a time, and see which test notices.

    python tests/mutations.py [--check | --quick] [N ...]

Each mistake replaces a text that occurs once below its folder. It is planted in a copy of the checkout. First the tests
that should notice run, and only if they pass the whole default suite, which `--quick` leaves out. `--check` only makes
sure that every text and test is still there. Numbers N choose mistakes. The exit code is 1 where a mistake survives
without a reason in the list, or where the sources have moved on.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("efnn_cli", "conf", "docs", "tests", "README.md", "CHANGELOG.md", "pyproject.toml", "Makefile")


class Mistake(NamedTuple):
    """A mistake: its place, the text and what replaces it, the slip behind it, and the tests that should notice."""

    folder: str
    old: str
    new: str
    why: str
    tests: str  # below tests/
    survives: str = ""  # the reason, where no test of the default suite can notice


PHYSICS = [
    ("physics", "- dot(spins, s3) * dot(s2, s4)", "+ dot(spins, s3) * dot(s2, s4)",
     "sign of a ring-exchange term", "physics/test_heisenberg.py"),
    ("physics", "bonds(spins, lattice.next_neighbours)", "bonds(spins, lattice.next_neighbours[:1])",
     "one diagonal of a plaquette forgotten", "physics/test_heisenberg.py"),
    ("physics", "COUPLING_STD = 2.0", "COUPLING_STD = 2.0**0.5",
     "variance for deviation", "physics/test_three_spin.py"),
    ("physics", "(0.5 * self.J * spins).unbind", "(self.J * spins).unbind",
     "spin 1/2 is sigma / 2", "physics/test_double_exchange.py"),
    ("physics", "total + one_way + one_way.conj().T", "total + one_way + one_way.T",
     "a hop back with the phase of the hop there", "physics/test_lattices.py"),
    ("physics", "(2 * k - 1) * math.pi", "2 * k * math.pi",
     "bosonic for fermionic frequencies", "physics/test_determinant.py"),
    ("physics", "- coupling**2 * inverse", "- coupling * inverse",
     "a hop there without its way back", "physics/test_determinant.py"),
    ("physics", "np.exp(-2.0 * b)", "np.exp(-b)",
     "2 sinh b for e^b - e^-b, half of it", "physics/test_thermal.py"),
    ("physics", "torch.sigmoid(-levels / temperature).to(", "torch.sigmoid(levels / temperature).to(",
     "holes for electrons", "physics/test_fields.py"),
    ("physics", "covariance[0, 1] / covariance[0, 0]", "covariance[0, 1] / covariance[1, 1]",
     "slope of the other regression", "physics"),
]  # fmt: skip
MODELS = [
    ("models", "x = g(t) * f(x)", "x = g(t) + f(x)",
     "a sum of the layers for their product", "models/test_formulas.py"),
    ("models", "x = g(s) * f(x)", "x = g(s) + f(x)",
     "the same, dense", "models/test_formulas.py"),
    ("models", "- 2 * (w0 * w1).square()", "- (w0 * w1).square()",
     "a factor in a variance", "models/test_statistics.py"),
    ("models", "-1.0 / kernel_size, 1.0 / kernel_size)  # Conv", "-1.0 / kernel_size**2, 1.0 / kernel_size**2)  # Conv",
     "range from the fan-in, not from its root", "models/test_statistics.py"),
    ("models", "math.prod(x.shape[1:3]) * self.bias", "self.bias",
     "energy not extensive", "models/test_networks.py"),
    ("models", "spread * target / width", "target / width",
     "an option without effect", "models/test_networks.py"),
    ("models", "(spins - self.centre) / self.half_range", "spins - self.centre",
     "half the range", "models/test_networks.py"),
    ("models", "x = self.lift(s) + self.blocks[0](s)", "x = self.blocks[0](s)",
     "no skip connection", "models/test_formulas.py"),
]  # fmt: skip
TRAINING = [
    ("training", "return Labelled(operation(self.spins), ", "return Labelled(self.spins, ",
     "fields turned, spins not", "training/test_trainer.py"),
    ("training", 'rng.stream(self.seed, "epoch", self.epoch)', 'rng.stream(self.seed, "epoch")',
     "the same batches in every epoch", "training/test_trainer.py"),
    ("training", 'rng.stream(self.seed, "epoch", self.epoch)', "rng.stream(self.seed, self.epoch)",
     "a random stream without its purpose", "training/test_trainer.py"),
    ("training", "torch.optim.AdamW(", "torch.optim.Adam(",
     "decay as an L2 term", "training/test_trainer.py"),
    ("training", '"weight_decay": options.weight_decay', '"weight_decay": 0.0',
     "decay ignored", "training/test_trainer.py"),
    ("training", "options.lr * progress / options.warmup", "options.lr * progress",
     "no scale", "training/test_trainer.py"),
    ("training", "/ self.unit).square().mean(), of_fields", ").square().mean() / self.unit, of_fields",
     "unit of the loss is a variance", "training/test_trainer.py"),
    ("training", "get_ema_multi_avg_fn(options.ema)", "get_ema_multi_avg_fn(1 - options.ema)",
     "decay for weight of the new", "training/test_trainer.py"),
    ("training", "value.detach().clone() for key", "value.detach() for key",
     "best weights go on", "training/test_trainer.py"),
    ("training", 'self.samples = int(state["samples"])', "self.samples = 0",
     "schedule begins anew", "training/test_trainer.py"),
]  # fmt: skip
FILES = [
    ("storage", "os.fsync(file.fileno())", "file.fileno()",
     "fsync forgotten", "storage/test_files.py"),
    ("storage", "        _sync_folder(path.parent)", "        path.parent.stat()",
     "name not durable", "storage/test_files.py"),
    ("storage", 'file.attrs.get("sha256") != digest(arrays, text or "")', 'file.attrs.get("sha256") is None',
     "checksum stored, never compared", "storage/test_files.py"),
    ("storage", 'PHYSICS = ("spins", "energies", "couplings", "fields")', 'PHYSICS = ("spins", "couplings", "fields")',
     "hash without labels", "storage/test_files.py"),
    ("datasets", "**self.system.parameters(), **source}",
     '**{key: each for key, each in self.system.parameters().items() if key != "T"}, **source}',
     "temperature added without the name", "cli/test_generate.py"),
    ("datasets", "self.given.part(draw.first, draw.count)), replace", "self.given.part(0, draw.count)), replace",
     "first shard labelled again and again", "datasets/test_labelling.py"),
    ("datasets", '(metadata.get("job"), metadata.get("shard")) == (self.job_tag, draw.shard)',
     'metadata.get("shard") == draw.shard',
     "shards of another job", "datasets/test_labelling.py"),
    ("physics", 'uniform(rng.stream(draw.seed, "spins", draw.purpose, draw.shard)',
     'uniform(rng.stream(draw.seed, "spins", draw.shard)',
     "references repeat the training", "physics/test_contract.py"),
]  # fmt: skip
EVALUATION = [
    ("evaluation", "rmse_per_site=metrics.rmse / sites", "rmse_per_site=metrics.rmse / size",
     "a side for an area", "cli/test_evaluate.py"),
    ("evaluation", "values.std(axis=0, ddof=1)", "values.std(axis=0)",
     "biased spread", "evaluation/test_calibration.py"),
    ("evaluation", "measure(predicted.mean(axis=0)", "measure(predicted[0]",
     "one member", "cli/test_evaluate.py"),
    ("training", "return energies, -slopes", "return energies, slopes",
     "gradient is no field", "training/test_distributed.py"),
]  # fmt: skip
MISTAKES = [Mistake(*row) for row in (*PHYSICS, *MODELS, *TRAINING, *FILES, *EVALUATION)]


def copy_of_checkout(folder: Path) -> Path:
    """Copy the sources and tests into `folder`."""
    for name in COPIED:
        source = ROOT / name
        ignored = shutil.ignore_patterns("__pycache__")
        (shutil.copytree(source, folder / name, ignore=ignored) if source.is_dir() else shutil.copy(source, folder))
    return folder


def place_of(mistake: Mistake, checkout: Path) -> Path | None:
    """Return the one file that holds the text once; None where the source has moved on."""
    counts = {
        path: path.read_text().count(mistake.old) for path in (checkout / "efnn_cli" / mistake.folder).rglob("*.py")
    }
    found = [path for path, count in counts.items() if count]
    return found[0] if len(found) == 1 and counts[found[0]] == 1 else None


@cache
def passes_untouched(checkout: Path, test: str) -> bool:
    """Return True where `test` passes without any mistake: the control of the table."""
    return failing_test(checkout, test) is None


def failing_test(checkout: Path, *tests: str) -> str | None:
    """Return the first test that fails in `checkout`; None where all pass."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    names = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    return names[0] if names else f"pytest, which ends with {done.returncode}: {done.stdout[-300:]}"


def outcome(mistake: Mistake, checkout: Path, *, quick: bool) -> tuple[bool, str]:
    """Plant `mistake`, run the tests and take it back; returns whether all is as the list says, and one line."""
    place = place_of(mistake, checkout)
    assert place is not None  # main has looked
    text = place.read_text()
    place.write_text(text.replace(mistake.old, mistake.new))
    try:
        caught = failing_test(checkout, f"tests/{mistake.tests}") or (None if quick else failing_test(checkout))
    finally:
        place.write_text(text)
    if caught and not passes_untouched(checkout, caught.split("[")[0]):
        return False, f"{caught} fails without the mistake too"
    if caught:
        return True, f"caught by {caught}"
    return bool(mistake.survives), f"SURVIVED {mistake.survives}"


def moved_on(mistake: Mistake) -> bool:
    """Return True where the list has to follow the sources or the tests."""
    return place_of(mistake, ROOT) is None or not (ROOT / "tests" / mistake.tests).exists()


def main(words: list[str]) -> int:
    """Run all mistakes, or those whose numbers are given; print a table."""
    quick = "--quick" in words
    chosen = [int(word) for word in words if word.isdigit()] or range(1, len(MISTAKES) + 1)
    moved = [number for number in chosen if moved_on(MISTAKES[number - 1])]
    if "--check" in words or moved:
        print(f"to be brought up to date: {moved or 'none'} of {len(chosen)}")
        return 1 if moved else 0
    good = True
    with tempfile.TemporaryDirectory() as folder:
        checkout = copy_of_checkout(Path(folder))
        for number in chosen:
            mistake = MISTAKES[number - 1]
            fine, line = outcome(mistake, checkout, quick=quick)
            good &= fine
            print(f"{number:3} {mistake.folder:<11}{mistake.why:<44}{line}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
