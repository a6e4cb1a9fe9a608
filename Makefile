# The README's two commands. Both make and use .venv; PYTHON picks the interpreter (>= 3.10).
# constraints.txt pins torch to the version that the project is tested with.
PYTHON ?= python3
BIN = .venv/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check clean

demo: .venv/installed
	HF_HUB_OFFLINE=1 $(BIN)/alignscore score examples/examples.jsonl --evidence

test: .venv/installed-dev
	$(BIN)/python -m pytest $(PYTEST_OPTIONS)

check: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

.venv/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "needs Python >= 3.10: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/installed: setup.cfg constraints.txt | .venv/python
	$(PIP) --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP) --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv build *.egg-info
