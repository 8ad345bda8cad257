"""`log=tensorboard`: the event files have the rows of metrics.csv."""

import pytest

from tests.cli.conftest import call, rows

WORDS = ("model=efnn", "depth=1", "width=2", "epochs=3", "log=tensorboard")


def scalars(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / "events"))
    found.Reload()
    return {tag: {each.step: each.value for each in found.Scalars(tag)} for tag in found.Tags()["scalars"]}


def test_event_files_have_the_rows_of_the_table(copied):
    data = ("--data", copied.dataset("lattice"))
    run = copied.root / call("train", *WORDS, *data, "--json", cwd=copied.root).done().json()["outputs"]["run"]
    plain = call("train", *WORDS[:-1], *data, "--json", cwd=copied.root).done()
    assert "finished already" in plain.err  # the same run: a log changes nothing in it
    for _ in range(2):
        found = scalars(run)
        for key in ("loss", "val_rmse", "lr"):
            assert found[key] == {int(row["epoch"]): pytest.approx(float(row[key]), rel=1e-6) for row in rows(run)}
        assert "val_relative_error" not in found  # undefined here
        (run / "summary.json").unlink()
        call("train", "--resume", run, "log=tensorboard", cwd=copied.root).done()
    call("train", *WORDS[:-1], "log=none", *data, cwd=copied.root).failed(2, "tensorboard")
