# efnn: `make demo` installs and runs the main job, `make test` installs and passes the tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: install demo test slow soak gpu reliability mutations lint reference clean

install: $(STAMP)

# setuptools warns of every editable install: nothing that a user could act on
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("efnn needs Python 3.11 or newer, found " + sys.version.split()[0] \
	  + ": make PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $(STAMP)

demo: install  ## five networks on real labels, and their errors up to 40 x 40: about four minutes on two cores
	$(BIN)/efnn generate double_exchange --L 10 --samples 4000
	$(BIN)/efnn compare --seeds 1 --grid none --L 10,20,40 width=12 epochs=20

test: install  ## the default suite
	$(BIN)/python -m pytest -n auto -q

slow: install  ## what takes longer than a few seconds, accuracy included
	$(BIN)/python -m pytest -n auto -q -m slow --timeout 1200

soak: install  ## the longest: the demo, accuracy of the double-exchange recipe, 200 kills, 20 000 command lines, half an hour of experiments
	$(BIN)/python -m pytest -n auto -q -m soak --timeout 7200

gpu:  ## on a machine with a GPU, without network (wheels of what is missing in wheels/): writes docs/gpu.md
	$(PYTHON) tests/gpu.py

reliability: install  ## every kind of fault of docs/reliability.md, injected with fixed seeds: an hour or two
	$(BIN)/python -m pytest -n auto -q tests/faults -m '' --timeout 7200

mutations: install  ## forty small mistakes, planted one at a time, and the tests that notice them: half an hour
	$(BIN)/python tests/mutations.py

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell README.md CHANGELOG.md CONTRIBUTING.md docs/*.md docs/reference efnn_cli conf

reference: install  ## docs/reference/, from the code
	$(BIN)/python docs/reference/generate.py

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
