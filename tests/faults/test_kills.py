"""SIGKILL at random moments: every final file is whole, every command resumes, the results are the undisturbed ones.

A new command joins by one line in `steps.STEPS`.
"""

import contextlib
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.conftest import begin_efnn, call, finish, spawn, wait_for

from .steps import STEPS, Step, content, contents, final_files, kept

ROUNDS = 5  # kills of one command before it is let through


class Victim:
    """One command with its undisturbed result, its initial folder, and the times of its writes."""

    def __init__(self, step: Step, root: Path) -> None:
        self.step = step
        self.start = root / "start"
        self.start.mkdir(parents=True)
        for words in step.before:
            call(*words, "-q", cwd=self.start).done()
        self.before = contents(self.start)
        calm = shutil.copytree(self.start, root / "calm")
        begin = time.monotonic()
        with self.begun(calm) as process:
            self.first = self.until_it_writes(process, calm) - begin
            finish(process, 600).done()
        self.seconds = time.monotonic() - begin
        self.wanted = contents(calm)

    def begun(self, folder: Path) -> subprocess.Popen[str]:
        """Start the command as a process."""
        return spawn(*self.step.command, cwd=folder)

    def until_it_writes(self, process: subprocess.Popen[str], folder: Path) -> float:
        """Wait for the first change of the folder and return its time."""
        here = set(folder.rglob("*"))
        while process.poll() is None and set(folder.rglob("*")) == here:
            time.sleep(0.001)
        return time.monotonic()

    def killed(self, folder: Path, chance: random.Random) -> bool:
        """Start the command and kill it; return whether it was still alive.

        Half of the kills fall at any moment, half after its first write, since most of its time goes into imports.
        """
        with self.begun(folder) as process:
            if chance.random() < 0.5:
                after = chance.uniform(0.3, 1.0) * self.seconds
            else:
                self.until_it_writes(process, folder)
                after = chance.uniform(0.0, 1.0) * (self.seconds - self.first)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(after)
            process.send_signal(signal.SIGKILL)
            process.communicate()  # empties its pipes
        return process.returncode == -signal.SIGKILL

    def whole(self, folder: Path) -> bool:
        """Return whether every final file can be read and is the old one or the new one."""
        names = [path for path in final_files(folder) if path.name != "metrics.csv"]  # its last line may be half there
        now = {str(path): content(folder / path) for path in names}
        if self.step.replaces:
            return all(said == self.wanted[name] for name, said in now.items())
        return kept({name: said for name, said in self.before.items() if "metrics.csv" not in name}, now)

    def finished(self, folder: Path) -> bool:
        """Run the command to its end: the undisturbed result, and nothing half written."""
        with self.begun(folder) as process:
            outcome = finish(process, 600)  # beside other work
        assert outcome.code == 0, outcome.err
        assert contents(folder) == self.wanted
        assert not list(folder.rglob("*.tmp"))
        return True


IN_CI = ("generate", "merge", "train", "train --overwrite", "extrapolate")  # one of each kind of file
TRIED = [pytest.param(step, 2, id=f"2-{step.name}", marks=pytest.mark.slow) for step in STEPS if step.name in IN_CI]
TRIED += [pytest.param(step, 40, id=f"40-{step.name}", marks=pytest.mark.soak) for step in STEPS]


@pytest.mark.timeout(5400)
@pytest.mark.parametrize(("step", "kills"), TRIED)
def test_killed_at_random_moments(tmp_path: Path, step: Step, kills: int):
    """Every file is the old or the new one, and the same command goes on to the undisturbed result."""
    chance, victim = random.Random(3), Victim(step, tmp_path / "victim")
    done = tries = 0
    while done < kills:
        folder = shutil.copytree(victim.start, tmp_path / "killed")
        for _ in range(min(ROUNDS, kills - done)):
            tries += 1
            assert tries < 20 * kills, f"{step.name} ends before it can be killed"
            if victim.killed(folder, chance):
                assert victim.whole(folder)
                done += 1
        assert victim.finished(folder)
        shutil.rmtree(folder)


# ------------------------------------------------------------------ the second signal

STUBBORN = """
import time
from efnn_cli.core.signals import StopRequest

with StopRequest("the same command goes on"):
    print("ready", flush=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.01)
"""


def handled(process: subprocess.Popen[str]) -> int:
    """Signals that the process has handlers for, as bits."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:"))


@pytest.mark.parametrize("second", [signal.SIGINT, pytest.param(signal.SIGUSR1, marks=pytest.mark.slow)])
def test_a_second_signal_stops_at_once(here: Path, second: signal.Signals):
    """Work that does not come to a good place for a minute: the first signal asks, the second one ends it."""
    with spawn(sys.executable, "-c", STUBBORN, cwd=here) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        bit = 1 << (second - 1)
        assert handled(process) & bit
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: not handled(process) & bit)
        begin = time.monotonic()
        process.send_signal(second)
        process.communicate(timeout=30)
        assert process.returncode == -second
        assert time.monotonic() - begin < 20


# ------------------------------------------------------------------ readers beside a writer


AGAIN = "import sys; from efnn_cli.cli import main; sys.exit(max(main(sys.argv[2:]) for _ in range(int(sys.argv[1]))))"


@pytest.mark.parametrize("turns", [3, pytest.param(30, marks=pytest.mark.slow)])
def test_readers_see_whole_files(here: Path, turns: int):
    """Beside a writer that replaces the dataset again and again every reader sees the old file or the new one."""
    words = ("generate", "three_spin", "--L", 6, "--samples", 1000, "--out", "d.h5", "-q")
    call(*words, cwd=here).done()
    whole = content(here / "d.h5")
    with spawn(sys.executable, "-c", AGAIN, turns, *words, "--overwrite", cwd=here) as writer:
        count = 0
        while writer.poll() is None:
            assert content(here / "d.h5") == whole
            count += 1
    assert writer.returncode == 0
    assert count > turns


@pytest.mark.slow
def test_eight_processes_make_one_dataset(here: Path):
    words = ("generate", "double_exchange", "--L", 6, "--samples", 1200, "--workers", 1, "--json")
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(begin_efnn(*words, cwd=here)) for _ in range(8)]
        outcomes = [finish(process, 400).done() for process in processes]  # eight at once need their time
    assert len({outcome.out for outcome in outcomes}) == 1, "one made it, seven found it"
    assert len(final_files(here)) == 1
    assert not list(here.rglob(".*"))
