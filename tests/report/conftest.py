"""One sample report, drawn and rendered once."""

import pytest

from efnn_cli.report import render_html, render_markdown
from tests.report.sample import sample


@pytest.fixture(scope="session")
def document(tmp_path_factory):
    return sample(tmp_path_factory.mktemp("figures"))


@pytest.fixture(scope="session")
def page(document):
    return render_html(document)


@pytest.fixture(scope="session")
def markdown(document):
    return render_markdown(document)
