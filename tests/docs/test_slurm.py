"""The batch scripts of docs/gpu_and_slurm.md: their syntax, and their effect when run in place of sbatch."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cli.conftest import wait_for
from fences import blocks

from efnn_cli.cli import main
from efnn_cli.storage import dataset

SCRIPTS = {block.words["file"]: block.text for block in blocks("docs/gpu_and_slurm.md") if block.language == "bash"}
STAND_INS = {
    # Slurm gives --cpus-per-task to srun in this variable alone: without it the command has one core.
    "srun": '#!/bin/sh\n[ "$SRUN_CPUS_PER_TASK" = "$SLURM_CPUS_PER_TASK" ] || exit 99\necho $$ > srun.pid\nexec "$@"\n',
    "scontrol": '#!/bin/sh\necho "$@" >> scontrol.log\n',
}
TIMEOUT = 300


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder with the scripts, and stand-ins for the commands of Slurm."""
    for name, text in {**SCRIPTS, **STAND_INS}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def data(cluster):
    assert main(["generate", "heisenberg", "--L", "5", "--samples", "40", "-q"]) == 0
    return cluster


def begin(script, folder, extra, **variables):
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])
    slurm = {"SLURM_JOB_ID": "4242", "EXTRA": extra}
    if "--cpus-per-task" in SCRIPTS[script]:
        slurm["SLURM_CPUS_PER_TASK"] = "1"
    env = {**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", **slurm, **variables}
    return subprocess.Popen(["bash", script], cwd=folder, env=env, stdout=-1, stderr=-1, text=True)


def submit(script, folder, extra, **variables):
    process = begin(script, folder, extra, **variables)
    out, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, err
    return out


@pytest.mark.parametrize("script", SCRIPTS)
def test_syntax_and_head(script, cluster):
    subprocess.run(["bash", "-n", script], cwd=cluster, check=True)
    first, *head = SCRIPTS[script].splitlines()
    assert first == "#!/bin/bash"
    options = [line for line in head if line.startswith("#SBATCH ")]
    assert options == head[: len(options)], "Slurm stops reading at the first other line"
    assert any(line.startswith("#SBATCH --time=") for line in options)
    assert ("--array" in " ".join(options)) == ("SLURM_ARRAY_TASK_ID" in SCRIPTS[script])


@pytest.mark.slow
def test_the_label_array_makes_the_dataset_of_one_job(cluster):
    for index in ("1", "0"):
        submit("label.sbatch", cluster, "--samples 300", SHARDS="2", SLURM_ARRAY_TASK_ID=index)
    submit("merge.sbatch", cluster, "--samples 300")
    (path,) = cluster.glob("data/*.h5")
    merged = dataset.read(path).content_hash
    path.unlink()
    assert main(["generate", "double_exchange", "--L", "12", "--samples", "300", "-q"]) == 0
    assert dataset.read(path).content_hash == merged


@pytest.mark.slow
def test_a_training_that_is_out_of_time_goes_back_into_the_queue(data):
    process = begin("train.sbatch", data, "epochs=1000000 training.optimizer=adam")
    trained = lambda: any(path.read_text().count("\n") > 1 for path in data.glob("outputs/*/metrics.csv"))  # noqa: E731
    wait_for(lambda: process.poll() is not None or trained(), TIMEOUT)
    os.kill(int((data / "srun.pid").read_text()), signal.SIGUSR1)
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 138, err
    assert (data / "scontrol.log").read_text() == "requeue 4242\n"
    (run,) = data.glob("outputs/*")
    assert (run / "last.h5").exists()
    assert not (run / "summary.json").exists()
