"""Everything that only a GPU can show, on one page: tests, parity with the CPU, speed, memory, a profile.

    python tests/gpu.py [--device cuda | cpu] [--quick] [--out docs/gpu]

`make gpu` runs it from a plain checkout, without network: wheels of what is missing lie in wheels/. Every step writes
the page anew, so that what is measured stays where a later step fails. `--quick` takes tiny sizes, to try the script.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "build" / "gpu"  # what is installed for this run alone
NEEDED = (
    "torch",
    "numpy",
    "scipy",
    "h5py",
    "hydra",
    "omegaconf",
    "antlr4",
    "typer",
    "rich",
    "filelock",
    "threadpoolctl",
)
NEEDED += ("jinja2", "markdown_it", "yaml", "pytorch_optimizer", "pytest")
WHEELS = {"hydra": "hydra-core", "antlr4": "antlr4-python3-runtime", "markdown_it": "markdown-it-py", "yaml": "pyyaml"}
CUDA_TESTS = ("tests/models/test_networks.py", "tests/models/test_forms.py", "tests/physics/test_contract.py")
CUDA_TESTS += ("tests/training/test_trainer.py", "tests/faults/test_memory.py", "tests/simulation")


def prepare() -> None:
    """Install the wheels beside the checkout and the package itself into `SITE`, and start again from there."""
    if os.environ.get("EFNN_GPU_SITE") == str(SITE):
        return
    shutil.rmtree(SITE, ignore_errors=True)
    SITE.mkdir(parents=True)
    wheels = sorted((ROOT / "wheels").glob("*.whl"))
    if wheels:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(SITE)]
        subprocess.run([*command, *map(str, wheels)], check=True)
    shutil.copytree(ROOT / "efnn_cli", SITE / "efnn_cli", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "conf", SITE / "efnn_cli" / "conf")
    about = SITE / "efnn-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: efnn\nVersion: 0.1.0\n")
    path = os.pathsep.join(filter(None, [str(SITE), os.environ.get("PYTHONPATH", "")]))
    os.environ.update(PYTHONPATH=path, EFNN_GPU_SITE=str(SITE))
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.argv])


def missing() -> list[str]:
    """Return the packages that cannot be imported, by the names that pip knows."""
    return [WHEELS.get(each, each) for each in NEEDED if importlib.util.find_spec(each) is None]


def efnn(*words: object) -> dict[str, Any]:
    """Return the metrics of a command; raises with its stderr where it fails."""
    command = [sys.executable, "-m", "efnn_cli", *map(str, words), "--json", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=SITE, check=False)
    if done.returncode:
        raise RuntimeError(f"efnn {' '.join(map(str, words))}: {done.stderr.strip()[-800:]}")
    return dict(json.loads(done.stdout)["metrics"])


class Machine:
    """The device, and small or full sizes."""

    def __init__(self, device: str, *, quick: bool) -> None:
        import torch

        self.name, self.quick = device, quick
        self.device = torch.device(device)

    def pick(self, full: Any, quick: Any) -> Any:
        """Return the full size, or the one of a quick run."""
        return quick if self.quick else full

    def seconds(self, work: Callable[[], object], repeats: int = 3) -> float:
        """Return the median time of `work`, tried once before."""
        import torch

        times = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            work()
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            times.append(time.perf_counter() - start)
        return sorted(times[1:])[repeats // 2]


def environment(machine: Machine) -> dict[str, Any]:
    """The machine and its libraries."""
    import torch

    found: dict[str, Any] = {"python": sys.version.split()[0], "torch": torch.__version__, "cores": os.cpu_count()}
    if machine.device.type == "cuda":
        about = torch.cuda.get_device_properties(machine.device)
        found |= {"gpu": about.name, "memory_gib": round(about.total_memory / 2**30, 1), "cuda": torch.version.cuda}
    return found


def cuda_tests(machine: Machine) -> dict[str, Any]:
    """The tests that need a GPU, and all others of networks, physics, training and simulation on this machine."""
    words = ["-q", "-p", "no:cacheprovider", "-o", "addopts=", "-o", "filterwarnings=", "-m", "not slow and not soak"]
    chosen = machine.pick(CUDA_TESTS, CUDA_TESTS[:1])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *chosen], cwd=ROOT, capture_output=True, text=True, check=False
    )
    lines = done.stdout.strip().splitlines()
    failed = [line.split()[1] for line in lines if line.startswith("FAILED ")]
    return {"exit_code": done.returncode, "summary": lines[-1], "failed tests": failed}


def parity(machine: Machine) -> dict[str, Any]:
    """Largest differences between device and CPU: labels, fields and networks, relative to the largest value."""
    import torch

    from efnn_cli.models import MODELS
    from efnn_cli.models.build import build
    from efnn_cli.models.fast import accelerate
    from efnn_cli.physics.double_exchange import DoubleExchange
    from efnn_cli.physics.system import Draw
    from efnn_cli.training.predict import predict_fields, predict_tensor

    system = DoubleExchange(L=8)
    spins = torch.from_numpy(system.sample("uniform_sphere", Draw(0, "train", 0, 0, 20)))
    found: dict[str, Any] = {}
    for reference in ("dense", "determinant"):
        here, there = (system.label(each, reference, fields=True) for each in (spins, spins.to(machine.device)))
        assert here.fields is not None
        assert there.fields is not None
        found[f"labels, {reference}"] = float((there.energies.cpu() / here.energies - 1).abs().max())
        found[f"fields, {reference}"] = float((there.fields.cpu() - here.fields).abs().max() / here.fields.abs().max())
    for dtype in (torch.float32, torch.float64):
        options = MODELS["efnn"].options(depth=3, width=16)
        model = accelerate(build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=0, dtype=dtype))
        energies, fields = predict_tensor(model, spins), predict_fields(model, spins)
        model = model.to(machine.device)
        other = predict_tensor(model, spins.to(machine.device)).cpu()
        slopes = predict_fields(model, spins.to(machine.device)).cpu()
        kind = str(dtype).removeprefix("torch.")
        found[f"energies of a network, {kind}"] = float((other - energies).abs().max() / energies.abs().max())
        found[f"fields of a network, {kind}"] = float((slopes - fields).abs().max() / fields.abs().max())
    return found


def speed(machine: Machine) -> dict[str, Any]:
    """`efnn bench` against the straightforward forms; exact labels of large lattices on the device alone."""
    rows = efnn("bench", "labels", "--L", machine.pick("20", "4"), "--repeats", 1)["rows"]
    rows += efnn("bench", "train", "--device", machine.name, *machine.pick((), ("--samples", 50, "--repeats", 1)))[
        "rows"
    ]
    rows += efnn("bench", "predict", "--device", machine.name, "--L", machine.pick("40,100", "4"))["rows"]
    found: dict[str, Any] = {"rows": rows}
    for size, count in machine.pick(((20, 64), (40, 64), (100, 1)), ((6, 1),)):
        words = ("generate", "double_exchange", "--L", size, "--samples", count, "reference=determinant")
        alone = efnn(*words, "--device", machine.name, "--out", SITE / "some.h5", "--overwrite")
        found[f"seconds of a label by determinants at L = {size}"] = alone["seconds"] / count
    return found


def moves(machine: Machine) -> dict[str, Any]:
    """Seconds of one leapfrog step a chain: 64 chains in a batch on the device, 4 on all cores of the CPU."""
    import torch

    from efnn_cli.models import MODELS
    from efnn_cli.models.build import build
    from efnn_cli.models.fast import accelerate
    from efnn_cli.physics.heisenberg import Heisenberg
    from efnn_cli.physics.system import Draw
    from efnn_cli.training.predict import energies_and_slopes

    options = MODELS["efnn"].options(
        depth=3, width=48, invariant_channels=16, kernel_size=3, block_kernel_size=3, block_kernel_size_2=1
    )
    found = {}
    for size in machine.pick((10, 20, 40), (4,)):
        spins = torch.from_numpy(Heisenberg(L=size).sample("uniform_sphere", Draw(0, "bench", 0, 0, 64)))
        for name, count in ((machine.name, 64), ("cpu", 4)):
            model = accelerate(build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=0)).requires_grad_(
                False
            )
            some, model = spins[:count].to(name), model.to(name)
            step = machine.seconds(lambda model=model, some=some: energies_and_slopes(model, some))  # type: ignore[misc]
            found[f"L = {size}, {name}"] = step / count
    return found


def memory(machine: Machine) -> dict[str, Any]:
    """Peak memory and seconds of a training step on fields against the batch, L = 10; what does not fit is halved."""
    import torch

    from efnn_cli.core.resources import is_short

    found: list[dict[str, Any]] = []
    batch = machine.pick(256, 4)
    while batch <= machine.pick(2**16, 8):
        try:
            step = trainer(machine, batch)
            if machine.device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(machine.device)
            seconds = machine.seconds(step)
        except (RuntimeError, MemoryError) as error:
            if not is_short(error):
                raise
            found.append({"batch": batch, "seconds": None, "peak_gib": None})
            break
        peak = torch.cuda.max_memory_allocated(machine.device) / 2**30 if machine.device.type == "cuda" else None
        found.append({"batch": batch, "seconds": seconds, "peak_gib": peak})
        batch *= 4
    return {"steps": found}


def trainer(machine: Machine, batch: int) -> Callable[[], object]:
    """Return one step of the recipe for datasets with fields, L = 10."""
    import torch

    from efnn_cli.models import MODELS
    from efnn_cli.models.build import build
    from efnn_cli.models.fast import accelerate
    from efnn_cli.physics.heisenberg import Heisenberg
    from efnn_cli.physics.system import Draw
    from efnn_cli.training.labelled import Labelled
    from efnn_cli.training.options import TrainingOptions
    from efnn_cli.training.trainer import Trainer

    options = MODELS["efnn"].options(
        depth=3, width=48, invariant_channels=16, kernel_size=3, block_kernel_size=3, block_kernel_size_2=1
    )
    model = accelerate(build(options, "lattice", inputs=0, spin_range=(-1.0, 1.0), seed=0)).to(machine.device)
    spins = torch.from_numpy(Heisenberg(L=10).sample("uniform_sphere", Draw(0, "bench", 0, 0, batch)))
    labels = (spins.float(), torch.zeros(len(spins), dtype=torch.float64), spins.float())
    data = Labelled(*labels).map(lambda each: each.to(machine.device))
    recipe = TrainingOptions(batch_size=batch, epochs=10_000, optimizer="soap", field_weight=1.0)
    training = Trainer(model, recipe, data, data.part(slice(0, 4)), seed=0)
    return lambda: training._step(0.1, *training._batches()[0])


def training(machine: Machine) -> dict[str, Any]:
    """The default recipe: labels with fields over a ladder of temperatures, and training on them."""
    data, run = SITE / "data.h5", SITE / "run"
    words = ("generate", "double_exchange", "--L", machine.pick(10, 4), "--samples", machine.pick(2000, 50))
    words += ("sampling=ladder", "fields=true")
    labels = efnn(*words, "--device", machine.name, "--out", data, "--overwrite")
    epochs = machine.pick((), ("epochs=1",))
    trained = efnn(
        "train", "model=efnn", "--data", data, "--device", machine.name, "--out", run, "--overwrite", *epochs
    )
    keys = ("epochs", "seconds", "samples_per_second", "test")
    return {"seconds of labels": labels["seconds"], **{key: trained[key] for key in keys}}


def profile(machine: Machine) -> dict[str, Any]:
    """Launches and share of the time that the GPU is busy in one training step, batch 20 as in the recipe."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    step = trainer(machine, machine.pick(20, 4))
    for _ in range(5):
        step()
    kinds = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if machine.device.type == "cuda" else [])
    start = time.perf_counter()
    with profile(activities=kinds) as found:
        for _ in range(10):
            step()
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
    seconds = (time.perf_counter() - start) / 10
    events = found.key_averages()
    busy = sum(getattr(each, "self_device_time_total", 0.0) for each in events) / 10 * 1e-6
    launches = sum(each.count for each in events if "launch" in each.key.lower()) / 10
    return {
        "seconds a step, profiled": seconds,
        "seconds on the GPU": busy,
        "share busy": busy / seconds,
        "launches": launches,
    }


STEPS: tuple[Callable[[Machine], dict[str, Any]], ...] = (
    environment, parity, cuda_tests, speed, moves, training, memory, profile,
)  # fmt: skip


def page(results: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    lines = [
        "# On a GPU, measured",
        "",
        "`make gpu` wrote this page. Numbers are of one run; ratios count more than seconds.",
        "",
    ]
    for step in STEPS:
        if step.__name__ in results:
            found = results[step.__name__]
            lines += [f"## {step.__name__.replace('_', ' ').capitalize()}", "", str(step.__doc__), ""]
            tables = {
                name: each
                for name, each in found.items()
                if isinstance(each, list) and each and isinstance(each[0], dict)
            }
            plain = {name: each for name, each in found.items() if name not in tables}
            lines += _table(("", ""), [(name, _text(each)) for name, each in plain.items()]) if plain else []
            for rows in tables.values():
                for unit in dict.fromkeys(row.get("unit") for row in rows):
                    some = [row for row in rows if row.get("unit") == unit]
                    lines += _table(tuple(some[0]), [tuple(_text(each) for each in row.values()) for row in some])
    return "\n".join(lines).rstrip() + "\n"


def _text(value: Any) -> str:
    """Return a number with three digits, the items of a list or dictionary one after the other."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, float) and value:
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return "-" if value is None else str(value)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(line)} |" for line in (head, ("---",) * len(head), *rows)] + [""]


def main() -> int:
    """Check, measure, write; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "gpu")
    given = parser.parse_args()
    prepare()
    lacking = missing()
    if lacking:
        print(f"missing: {', '.join(lacking)}\n  pip install them, or put their wheels into {ROOT / 'wheels'}")
        return 3
    import torch

    if given.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"no CUDA device: torch {torch.__version__} finds none\n  nvidia-smi shows the driver; torch needs CUDA")
        return 5
    machine = Machine(given.device, quick=given.quick)
    results: dict[str, Any] = {}
    failed = []
    for step in STEPS:
        start = time.perf_counter()
        try:
            results[step.__name__] = step(machine)
        except Exception as error:  # the other steps still count
            results[step.__name__] = {"failed": f"{type(error).__name__}: {error}"}
            failed.append(step.__name__)
        print(
            f"{step.__name__}: {time.perf_counter() - start:.0f} s  {json.dumps(results[step.__name__])[:2000]}",
            flush=True,
        )
        given.out.with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n")
        given.out.with_suffix(".md").write_text(page(results))
    wrong = [name for name, each in results.get("cuda_tests", {}).items() if name == "exit_code" and each]
    return 1 if failed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
