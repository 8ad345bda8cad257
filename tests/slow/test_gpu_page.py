"""The script of `make gpu` on a CPU, at tiny sizes; what it says where there is no GPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_step_runs_and_writes_its_part(tmp_path):
    command = [sys.executable, ROOT / "tests/gpu.py", "--device", "cpu", "--quick", "--out", tmp_path / "gpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert not [name for name, each in found.items() if "failed" in each]
    assert set(found["parity"].values()) == {0.0}  # the CPU agrees with itself
    page = (tmp_path / "gpu.md").read_text()
    assert all(f"## {name.replace('_', ' ').capitalize()}" in page for name in found)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_without_a_gpu_it_says_so():
    done = subprocess.run([sys.executable, ROOT / "tests/gpu.py"], capture_output=True, text=True, timeout=100)
    assert done.returncode == 5
    assert "no CUDA device" in done.stdout
