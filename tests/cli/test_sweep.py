"""Sweeps: every run once, in its own folder, as if it had been asked for alone; failures listed, nothing lost."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from .conftest import Workshop, begin_efnn, call, files_below, finish, run_efnn, wait_for

SWEEP = ("-m", "system=three_spin", "model=efnn,dnn", "depth=1,2", "width=6", "epochs=2", "training.optimizer=adam")


def runs_in(folder: Path) -> set[str]:
    """The finished runs."""
    return {str(path.parent.relative_to(folder)) for path in folder.glob("outputs/*/summary.json")}


def statuses(found: dict) -> list[str]:
    return [each["status"] for each in found["metrics"]["runs"]]


def test_a_sweep_is_the_same_runs_as_one_by_one(copied: Workshop):
    swept = call("train", *SWEEP, "--json", cwd=copied.root).done().json()
    assert (swept["metrics"]["count"], swept["metrics"]["finished"]) == (4, 4)
    for each in swept["metrics"]["runs"]:
        alone = call("train", *each["settings"], "--json", cwd=copied.root).done()
        assert "finished already" in alone.err
        assert alone.json()["outputs"]["run"] == each["run"]
        assert alone.json()["metrics"] == each["metrics"]
        log = (copied.root / each["run"] / "run.log").read_text()
        assert log.count(f"training {each['settings'][1].removeprefix('model=')} on") == 1
    orders = [" ".join(each["settings"][1:3]) for each in swept["metrics"]["runs"]]
    assert orders == ["model=efnn depth=1", "model=efnn depth=2", "model=dnn depth=1", "model=dnn depth=2"]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("model=efnn,dnnn",), "did you mean dnn"),
        (("model=efnn,effective", "depth=1"), "no effect"),
        (("model=efnn", "lr=interval(0,1)"), "as a sweep"),
        (("model=efnn", "hydra/launcher=nonesuch"), "efnn[sweep]"),
        (("model=efnn", "model=dnn"), "model was given twice"),
        (("model=efnn", "--out", "there"), "--out"),
        (("model=efnn", "--count", "--array-index", "0"), "keep one"),
        (("model=efnn,dnn", "--array-index", "2"), "0 to 1"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything(here: Path, args: tuple[str, ...], named: str):
    call("train", "-m", *args, cwd=here).failed(2, named)
    for option in (("--count",), ("--array-index", "0")):  # options of sweeps alone
        call("train", "model=efnn", *option, cwd=here).failed(2, "-m")
    assert files_below(here) == set()


def test_count_and_array_index_cover_the_sweep(copied: Workshop):
    count = int(call("train", *SWEEP, "--count", cwd=copied.root).done().out)
    assert count == 4
    assert call("train", *SWEEP, "--count", "--json", cwd=copied.root).done().json()["metrics"] == {"count": 4}
    before = runs_in(copied.root)
    runs = [
        call("train", *SWEEP, "--array-index", index, "--json", cwd=copied.root).done().json()["outputs"]["run"]
        for index in range(count)
    ]
    assert len(set(runs)) == count
    assert runs_in(copied.root) - before == set(runs)
    swept = call("train", *SWEEP, "--json", cwd=copied.root).done()
    assert "4 of 4 runs finished earlier" in swept.err
    assert [each["run"] for each in swept.json()["metrics"]["runs"]] == runs


def test_failures_are_listed_and_the_highest_code_counts(copied: Workshop):
    """One run diverges (4), the place of another is taken by something else (6), the first one is trained."""
    settings = ("system=three_spin", "model=efnn", "depth=1", "width=6", "epochs=2", "training.optimizer=adam")
    plan = call("train", *settings, "lr=0.003", "--dry-run", "--json", cwd=copied.root).done().json()
    taken = copied.root / plan["outputs"]["run"]
    taken.mkdir()
    (taken / "precious.txt").write_text("mine")
    done = call("train", "-m", *settings, "lr=0.001,1e200,0.003", "--json", cwd=copied.root)
    found = done.json()
    assert statuses(found) == ["finished", "failed", "failed"]
    assert (taken / "precious.txt").read_text() == "mine"
    assert (found["status"], found["code"], done.code) == ("error", 6, 6)
    for named in ("2 of 3 runs failed", "lr=1e+200", "not finite"):
        assert named in found["message"]
    assert "Traceback" not in done.err
    diverged = copied.root / found["metrics"]["runs"][1]["run"]
    assert "Traceback" in (diverged / "run.log").read_text()
    assert not (diverged / "summary.json").exists()


def test_no_run_of_too_many_is_dropped(here: Path):
    assert call("train", "-m", "model=efnn,dnn", "seed=range(3)", "--count", cwd=here).done().out == "6\n"
    for settings in (("seed=range(100001)",), ("seed=range(1000)", "width=range(1,1001)")):
        call("train", "-m", "system=three_spin", *settings, "--count", cwd=here).failed(2, "at most 100000 runs")


@pytest.mark.slow
def test_four_processes_sweep_one_folder(copied: Workshop):
    """Every run trained exactly once, none lost, nobody fails."""
    before = runs_in(copied.root)
    args = ("train", *SWEEP, "seed=range(3)", "--json")
    processes = [begin_efnn(*args, cwd=copied.root) for _ in range(4)]
    outcomes = [finish(process).done().json() for process in processes]
    new = runs_in(copied.root) - before
    assert len(new) == 12
    for run in new:
        log = (copied.root / run / "run.log").read_text()
        assert log.count(" on cpu") == 1, log
        rows = (copied.root / run / "metrics.csv").read_text().splitlines()
        assert [row.split(",")[0] for row in rows] == ["epoch", "1", "2"]
    assert {status for found in outcomes for status in statuses(found)} <= {"finished", "running elsewhere"}
    after = call("train", *SWEEP, "seed=range(3)", "--json", cwd=copied.root).done()
    assert statuses(after.json()) == ["finished"] * 12
    assert not list((copied.root / "outputs").glob(".study-*"))


def test_a_run_that_another_process_trains_is_skipped(copied: Workshop):
    long = ("system=three_spin", "model=efnn", "depth=1", "width=6", "training.optimizer=adam", "epochs=100000")
    with begin_efnn("train", *long, cwd=copied.root) as owner:
        try:
            wait_for(lambda: any(copied.root.glob("outputs/three_spin-efnn-d1-*/metrics.csv")))
            swept = call("train", "-m", *long[:-1], "epochs=100000,2", "--json", cwd=copied.root).done()
        finally:
            owner.send_signal(signal.SIGTERM)
            owner.wait(60)
    assert statuses(swept.json()) == ["running elsewhere", "finished"]
    assert f"process {owner.pid}" in swept.json()["metrics"]["runs"][0]["message"]
    assert swept.json()["metrics"]["running_elsewhere"] == 1


@pytest.mark.slow
def test_a_signal_ends_the_sweep_and_the_same_command_goes_on(copied: Workshop):
    args = ("train", "-m", "system=three_spin", "model=efnn", "depth=1,2", "width=6", "epochs=150", "--json")
    undisturbed = run_efnn(*args, cwd=copied.root).done().json()
    runs = [copied.root / each["run"] for each in undisturbed["metrics"]["runs"]]
    for run in runs:
        shutil.rmtree(run)
    with begin_efnn(*args, cwd=copied.root) as process:
        wait_for(lambda: any((run / "metrics.csv").exists() for run in runs))
        process.send_signal(signal.SIGTERM)
        stopped = finish(process)
    assert stopped.code == 143
    assert "same command" in stopped.err
    assert json.loads(stopped.out)["code"] == 143
    assert not list((copied.root / "outputs").glob(".study-*"))
    resumed = run_efnn(*args, cwd=copied.root).done().json()
    for one, other in zip(undisturbed["metrics"]["runs"], resumed["metrics"]["runs"], strict=True):
        assert one["metrics"]["test"] == other["metrics"]["test"]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_launchers_train_what_the_basic_one_trains(copied: Workshop, launcher: str):
    extra = [f"hydra/launcher={launcher}"] + ["hydra.launcher.n_jobs=2"] * (launcher == "joblib")
    swept = run_efnn("train", *SWEEP, *extra, "--json", cwd=copied.root).done().json()
    assert statuses(swept) == ["finished"] * 4
    alone = copied.root / "alone"
    for each in swept["metrics"]["runs"]:
        settings = each["settings"]
        data = copied.dataset("binary")
        where = alone / Path(each["run"]).name
        single = call("train", *settings, "--data", data, "--out", where, "--json", cwd=copied.root)
        assert single.done().json()["metrics"]["test"] == each["metrics"]["test"]
    assert not list((copied.root / "outputs").glob(".study-*"))


QUEUED = ("hydra/launcher=submitit_local", "--json")


def owners_of(folder: Path, count: int) -> list[int]:
    """The processes that train, by the lock files of their runs, once there are `count`."""
    wait_for(lambda: len(list(folder.glob("outputs/three_spin-dnn-d4-*/metrics.csv"))) == count, 60)
    return [int(path.read_text().split()[1]) for path in sorted(folder.glob("outputs/three_spin-dnn-d4-*/lock"))]


@pytest.mark.slow
def test_a_killed_job_of_a_queue_takes_no_other_with_it(copied: Workshop):
    """The launcher ends early, the other jobs do not: their results are waited for, and only the lost one failed."""
    settings = ("system=three_spin", "model=dnn", "depth=4", "width=6", "training.optimizer=adam", "epochs=1000")
    with begin_efnn("train", "-m", *settings, "seed=0,1,2", *QUEUED, cwd=copied.root) as process:
        owners = owners_of(copied.root, 3)
        os.kill(owners[0], signal.SIGKILL)  # the first that the launcher asks for
        for each in owners[1:]:
            os.kill(each, signal.SIGSTOP)
        assert process.stderr is not None
        before = list(iter(process.stderr.readline, "warning: 2 runs are still at work, and are waited for\n"))
        for each in owners[1:]:
            os.kill(each, signal.SIGCONT)
        outcome = finish(process, 180)
    found = outcome.json()
    assert outcome.code == 5
    assert any("the launcher has ended early" in line for line in before)
    assert sorted(statuses(found)) == ["failed", "finished", "finished"]
    assert "1 of 3 runs failed" in found["message"]
    assert "Traceback" not in outcome.err
    assert not list((copied.root / "outputs").glob(".study-*"))


@pytest.mark.slow
def test_a_preempted_job_goes_into_the_queue_again(copied: Workshop):
    """submitit starts it once more, and it goes on from its checkpoint: the same numbers as undisturbed."""
    words = ("system=three_spin", "model=dnn", "depth=4", "width=6", "training.optimizer=adam", "epochs=1000")
    with begin_efnn("train", "-m", *words, "seed=5,6", *QUEUED, cwd=copied.root) as process:
        owners = owners_of(copied.root, 2)
        os.kill(owners[0], signal.SIGUSR2)
        found = finish(process, 180).done().json()
    assert statuses(found) == ["finished", "finished"]
    logs = [(copied.root / each["run"] / "run.log").read_text() for each in found["metrics"]["runs"]]
    assert sorted(log.count("training dnn on") for log in logs) == [1, 2]
    for each in found["metrics"]["runs"]:
        shutil.rmtree(copied.root / each["run"])
    undisturbed = call("train", "-m", *words, "seed=5,6", "--json", cwd=copied.root).done().json()
    for one, other in zip(found["metrics"]["runs"], undisturbed["metrics"]["runs"], strict=True):
        assert one["metrics"]["test"] == other["metrics"]["test"]
