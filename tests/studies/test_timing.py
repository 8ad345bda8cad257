"""Times are kept by method, size and network: those of another network are not taken for ours."""

from pathlib import Path

import pytest

from efnn_cli.core.errors import InputError
from efnn_cli.studies.paper_timing import DENSE, NETWORK, by_method, read, write

KNOWN = {(DENSE, 10, ""): 2.0, (NETWORK, 10, "mine"): 0.5, (NETWORK, 10, "other"): 0.1, (DENSE, 20, ""): 9.0}


def test_only_the_network_and_the_sizes_asked_for():
    assert by_method(KNOWN, [10], "mine") == {DENSE: [(10, 2.0)], NETWORK: [(10, 0.5)]}
    assert by_method(KNOWN, [10, 20], "third") == {DENSE: [(10, 2.0), (20, 9.0)]}


def test_the_table_says_what_was_written(tmp_path: Path):
    write(tmp_path / "times.csv", KNOWN)
    assert read(tmp_path / "times.csv") == KNOWN
    assert read(tmp_path / "none.csv") == {}


@pytest.mark.parametrize("text", ["method,L\n", "method,L,seconds,run\na,x,1,\n", "method,L,seconds,run\na,1,,\n"])
def test_another_table_is_refused(tmp_path: Path, text: str):
    (tmp_path / "times.csv").write_text(text + "a,1\n")
    with pytest.raises(InputError, match="times"):
        read(tmp_path / "times.csv")
