"""The device paths of paths.py, in a process of their own: PyTorch fixes its devices at the first backward pass."""

import re
import subprocess
import sys
from pathlib import Path

from rehearsal import REGISTER


def test_every_device_path_is_rehearsed():
    here = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", here / "paths.py"]
    done = subprocess.run(command, cwd=here.parents[1], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    if REGISTER is not None:
        assert passed is not None
        assert int(passed[1]) > 30
