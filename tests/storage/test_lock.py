"""Locks between real processes: one holder, many side by side, and lock files that come and go."""

import errno
import os
import subprocess
import sys

import pytest
from cli.conftest import spawn

from efnn_cli.core.errors import ConflictError
from efnn_cli.storage import lock

TURNS = 30

WORKER = """
import sys, time
from pathlib import Path
from efnn_cli.storage import lock

lock.POLL_SECONDS = 0.002
me, turns = int(sys.argv[1]), int(sys.argv[2])
path, inside, count = Path("d.h5"), Path(f"inside-{me}"), Path("count")
most = 0
for turn in range(turns):
    if (turn + me) % 3:
        with lock.beside(path, f"part-{me}", int):
            inside.touch()
            time.sleep(0.001)
            assert not Path("alone").exists(), "beside somebody who is alone"
            most = max(most, len(list(Path(".").glob("inside-*"))))
            inside.unlink()
    else:
        with lock.alone(path, int):
            Path("alone").touch(exist_ok=False)
            assert not list(Path(".").glob("inside-*")), "alone beside somebody"
            before = int(count.read_text())
            time.sleep(0.001)
            count.write_text(str(before + 1))
            Path("alone").unlink()
print(most)
"""


def test_alone_and_beside(tmp_path):
    """No step of whoever is alone is lost, and the others have been side by side."""
    (tmp_path / "count").write_text("0")
    workers = [spawn(sys.executable, "-c", WORKER, me, TURNS, cwd=tmp_path) for me in range(4)]
    ended = [(*worker.communicate(timeout=120), worker.returncode) for worker in workers]
    assert [(err, code) for _, err, code in ended] == [("", 0)] * 4
    assert int((tmp_path / "count").read_text()) == 4 * TURNS // 3
    assert max(int(out) for out, _, _ in ended) > 1
    assert [each.name for each in tmp_path.iterdir()] == ["count"]


def test_a_lock_names_its_owner(tmp_path):
    path = tmp_path / "lock"
    message = f"the run r is in use by process {os.getpid()} on "
    with lock.owned(path, "the run r"), pytest.raises(ConflictError, match=message), lock.owned(path, "the run r"):
        pass
    with lock.owned(path, "the run r"):
        pass


UNLOCKABLE = """
import errno, fcntl, os, sys
from pathlib import Path

def refuse(*args):
    found = getattr(errno, sys.argv[1])
    raise OSError(found, os.strerror(found))

fcntl.flock = refuse
from efnn_cli.storage import lock
with lock.owned(Path("lock"), "the run"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("reason", ["ENOSYS", "ENOLCK"])
def test_a_file_system_without_locks_locks_nobody_out_for_ever(tmp_path, reason):
    """Its users are warned; a killed process leaves nothing that would have to be removed by hand."""
    refused = (sys.executable, "-c", UNLOCKABLE, reason)
    with spawn(*refused, cwd=tmp_path) as first:
        assert first.stdout.readline() == "held\n"
        first.kill()
    with spawn(*refused, cwd=tmp_path, stdin=subprocess.PIPE) as second:
        out, err = second.communicate("\n", timeout=60)
    assert (out, second.returncode) == ("held\n", 0)
    assert f"no locks (flock: {os.strerror(getattr(errno, reason))})" in err
    assert "SoftFileLock" not in err
