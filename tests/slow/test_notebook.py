"""The tutorial notebook, cell by cell in one namespace, in an empty folder."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial.ipynb"


@pytest.mark.slow
def test_every_cell_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    run, sizes = names["run"], names["sizes"]
    assert run.metrics["test"]["rmse_over_std"] < 2e-3
    assert [each["L"] for each in sizes] == [10, 20, 40]
    assert all(each["rmse_over_std"] < 4e-3 for each in sizes)
    assert "did you mean depth" in capsys.readouterr().out
