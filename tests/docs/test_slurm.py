"""The batch scripts of docs/gpu_and_slurm.md: their syntax, and what they do in place of sbatch on this machine."""

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
    # Slurm hands --cpus-per-task on to srun in this variable alone: without it the command has one core.
    "srun": '#!/bin/sh\n[ "$SRUN_CPUS_PER_TASK" = "$SLURM_CPUS_PER_TASK" ] || exit 99\necho $$ > srun.pid\nexec "$@"\n',
    "scontrol": '#!/bin/sh\necho "$@" >> scontrol.log\n',
}
TINY = "--samples 300"
TIMEOUT = 300


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """A folder with the scripts, and stand-ins for the commands of Slurm."""
    (tmp_path / "bin").mkdir()
    for name, text in STAND_INS.items():
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    for name, text in SCRIPTS.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def begin(script, folder, extra="", **variables):
    places = [folder / "bin", Path(sys.executable).parent, os.environ["PATH"]]
    env = {
        **os.environ,
        "PATH": os.pathsep.join(map(str, places)),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
        "SLURM_JOB_ID": "4242",
        **({"SLURM_CPUS_PER_TASK": "1"} if "--cpus-per-task" in SCRIPTS[script] else {}),
        "EXTRA": extra,
        **variables,
    }
    return subprocess.Popen(
        ["bash", script], cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def submit(script, folder, extra="", **variables):
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
    cores = any(line.startswith("#SBATCH --cpus-per-task=") for line in options)
    assert cores == ('export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"' in head)
    assert ("--array" in " ".join(options)) == ("SLURM_ARRAY_TASK_ID" in SCRIPTS[script])


@pytest.mark.slow
def test_the_label_array_makes_the_dataset_of_one_job(cluster):
    for index in ("1", "0"):
        one = {"SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_ID": index}  # each is submitted alone
        submit("label.sbatch", cluster, TINY, SHARDS="2", **one)
    shown = submit("merge.sbatch", cluster, TINY)
    (path,) = cluster.glob("data/*.h5")
    assert path.name in shown
    content = path.read_bytes()
    path.unlink()
    assert main(["generate", "double_exchange", "--L", "12", *TINY.split(), "-q"]) == 0
    alone = dataset.read(path)
    path.write_bytes(content)
    assert dataset.read(path).content_hash == alone.content_hash


@pytest.fixture
def data(cluster):
    assert main(["generate", "heisenberg", "--L", "5", "--samples", "40", "-q"]) == 0
    return cluster


@pytest.mark.slow
def test_a_task_of_the_sweep_trains_its_run(data, capsys):
    extra = "epochs=1 depth=1 training.optimizer=adam"
    last = SCRIPTS["sweep.sbatch"].partition("--array=0-")[2].split()[0]
    runs = ["model=efnn,dnn,resnet,densenet", "seed=range(3)"]
    capsys.readouterr()
    assert main(["train", "-m", *runs, *extra.split(), "--count"]) == 0
    assert int(capsys.readouterr().out) == int(last) + 1
    submit("sweep.sbatch", data, extra, SLURM_ARRAY_TASK_ID=last)
    (run,) = data.glob("outputs/*")
    assert run.name.startswith("heisenberg-densenet-d1-s2-")


def has_an_epoch(data):
    """Whether a training has something to store: the table begins as its head alone."""
    return any(path.read_text().count("\n") > 1 for path in data.glob("outputs/*/metrics.csv"))


@pytest.mark.slow
def test_a_training_that_is_out_of_time_goes_back_into_the_queue(data):
    process = begin("train.sbatch", data, "epochs=1000000 training.optimizer=adam")
    wait_for(lambda: process.poll() is not None or has_an_epoch(data), TIMEOUT)
    os.kill(int((data / "srun.pid").read_text()), signal.SIGUSR1)
    _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 138, err
    assert (data / "scontrol.log").read_text() == "requeue 4242\n"
    (run,) = data.glob("outputs/*")
    assert (run / "last.h5").exists()
    assert not (run / "summary.json").exists()


@pytest.mark.slow
def test_a_training_that_ends_is_not_queued_again(data):
    submit("train.sbatch", data, "epochs=1 training.optimizer=adam")
    assert not (data / "scontrol.log").exists()
    assert len(list(data.glob("outputs/*/summary.json"))) == 1


@pytest.mark.slow
def test_several_processes(data):
    submit("several.sbatch", data, "epochs=1 training.optimizer=adam device=cpu", GPUS="2")
    assert len(list(data.glob("outputs/*/summary.json"))) == 1
