"""The commit that a report was made with, and whether the files differ from it."""

import shutil
import subprocess
import sys
from pathlib import Path

import efnn_cli

PROGRAM = "from efnn_cli.core import provenance; print(provenance.commit(), provenance.is_changed())"


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def seen(folder: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_a_changed_checkout_is_told_from_its_commit(tmp_path: Path):
    (tmp_path / "efnn_cli" / "core").mkdir(parents=True)
    for name in ("__init__.py", "core/__init__.py", "core/provenance.py"):
        shutil.copy(Path(efnn_cli.__file__).parent / name, tmp_path / "efnn_cli" / name)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.yaml").write_text("a: 1\n")
    (tmp_path / ".gitignore").write_text("__pycache__\n")
    assert seen(tmp_path) == ["None", "None"]
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert seen(tmp_path) == [commit, "False"]
    (tmp_path / "notes.txt").write_text("beside the package")
    assert seen(tmp_path) == [commit, "False"]
    (tmp_path / "conf" / "a.yaml").write_text("a: 2\n")
    assert seen(tmp_path) == [commit, "True"]
