"""The wheel carries its configs and works from any folder, without the checkout."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_installed_wheel_composes_its_configs(tmp_path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, ROOT], check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("efnn-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", tmp_path / "site", wheel], check=True)
    code = "import efnn_cli, sys; from efnn_cli.cli import main; print(efnn_cli.__file__); sys.exit(main(sys.argv[1:]))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    for arguments in (["config", "train", "system=double_exchange"], ["generate", "heisenberg", "--samples", "9"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert str(tmp_path / "site") in done.stdout
