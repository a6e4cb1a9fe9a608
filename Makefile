# The README's two commands. Both make and use .venv; PYTHON picks the interpreter (>= 3.10).
# constraints.txt pins torch to the version that the project is tested with.
PYTHON ?= python3
BIN = .venv/bin
SHELL = bash
# Tests are shared out to a process for each core; each takes 2 GB at most.
PARALLEL = --numprocesses logical --maxprocesses 8 --dist worksteal
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-fast test-integrations test-wheel test-lowest check docs leaderboard clean

demo: .venv/installed
	HF_HUB_OFFLINE=1 $(BIN)/alignscore score examples/examples.jsonl --evidence

test: .venv/installed-dev
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_OPTIONS)

# The inner loop: without the tests that take long.
test-fast: .venv/installed-dev
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(PYTEST_OPTIONS)

# The linters of .pre-commit-config.yaml.
check: .venv/installed-dev .venv-release/installed
	$(BIN)/pre-commit run --all-files

# The documentation, to be opened at build/site/index.html; a warning is an error.
docs: .venv/installed-dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

# The interfaces to libraries that hold others back, in an environment of their own. Ray's is among `make test`:
# what some of these libraries leave in a process cannot be sent to its workers.
test-integrations: .venv-integrations/installed
	.venv-integrations/bin/python -m pytest $(filter-out %_ray.py,$(wildcard tests/test_integrations_*.py)) \
	  tests/test_evaluate_api.py tests/test_nemoguardrails.py alignscore_metric/integrations \
	  --deselect='tests/test_integrations_docs.py::test_the_python_runs[Ray Data]'

.venv-integrations/installed: setup.cfg constraints.txt
	$(PYTHON) -m venv .venv-integrations
	.venv-integrations/bin/pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[dev,integrations]'
	touch $@

# The wheel, made from the source archive: its contents, its metadata, and its commands from another folder
# in an environment that has nothing but it.
DIST = build/dist
test-wheel: .venv-release/installed
	rm -rf $(DIST) .venv-wheel
	.venv-release/bin/pyproject-build --outdir $(DIST)
	.venv-release/bin/twine check --strict $(DIST)/*
	.venv-release/bin/check-wheel-contents $(DIST)/*.whl
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt $(DIST)/*.whl
	tools/try_commands.sh .venv-wheel/bin

# The same wheel with the oldest versions of its dependencies: its commands, and the core's tests, copied to
# where the sources are not. TORCH=VERSION goes back in torch too.
CORE_TESTS = aggregate aligner bundled cli encoding engine io metric pairs result stream
# An old pyarrow reads the cells that the newest writes and cannot read again.
OLD_READS = tests/test_io.py::test_cells_too_deep_for_parquet_are_refused
test-lowest: test-wheel
	rm -rf build/lowest
	mkdir -p build/lowest/tests
	$(PYTHON) tools/oldest_versions.py $(TORCH:%=--torch %) > build/lowest/versions.txt
	.venv-wheel/bin/pip install --quiet --disable-pip-version-check --constraint build/lowest/versions.txt \
	  $(DIST)/*.whl hypothesis pytest pytest-xdist scikit-learn
	tools/try_commands.sh .venv-wheel/bin
	cp -r conftest.py examples pyproject.toml build/lowest
	cp tests/conftest.py $(CORE_TESTS:%=tests/test_%.py) build/lowest/tests
	cd build/lowest && ../../.venv-wheel/bin/pytest $(PARALLEL) tests $(OLD_READS:%=--deselect %)

# The tools of a release, apart: cffconvert holds jsonschema back.
.venv-release/installed:
	$(PYTHON) -m venv .venv-release
	.venv-release/bin/pip install --quiet --disable-pip-version-check \
	  build check-wheel-contents cffconvert twine zizmor
	touch $@

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

# The committed results: make leaderboard DATA=FOLDER TRAIN=FOLDER (benchmarks, and dev files for the
# NLU board; see docs/leaderboards.md; two hours on 2 cores).
RUNS = leaderboard-runs
RESULTS = leaderboards/results
METRICS = mini,precision=bf16 mini,copied_weight=0,precision=bf16 rouge1 rouge2 rougeL rouge2_precision bleu chrf overlap entity_overlap
# What is compared where tests of every two metrics would take long.
FEW = mini,precision=bf16 mini,copied_weight=0,precision=bf16 rouge2_precision overlap entity_overlap
# BENCHMARK:SPLIT:STATISTIC and perhaps :slices, or :few; the split may be empty where each set has
# one alone.
BOARDS = summac:val:roc_auc summac:test:roc_auc summac:test:average_precision \
	summac:test:balanced_accuracy summac:test:balanced_accuracy_summac \
	summac:test:balanced_accuracy_alignscore summac:test:f1 \
	summac_inaccuracy:val:roc_auc summac_inaccuracy:test:roc_auc \
	summac_inaccuracy:test:balanced_accuracy_alignscore true::roc_auc \
	alignscore_other::pearson alignscore_other::spearman alignscore_other::kendall \
	alignscore_other::system_pearson alignscore_other::pairwise_accuracy \
	alignscore_other::system_accuracy_with_ties alignscore_other::accuracy_with_ties:few \
	summac_inaccuracy:test:roc_auc:slices

leaderboard: .venv/installed-dev
	for benchmark in summac summac_inaccuracy true alignscore_other; do \
	  $(BIN)/alignscore leaderboard run $$benchmark --data $(DATA) --runs $(RUNS) \
	    $(METRICS:%=--metric %) || exit; \
	done
	mkdir -p $(RESULTS)
	for board in $(BOARDS); do \
	  IFS=: read -r benchmark split statistic kind <<< "$$board"; \
	  case "$$kind" in slices) more=--slices;; few) more="$(FEW:%=--metric %)";; *) more=;; esac; \
	  file=$(RESULTS)/$$benchmark.$${split:-all}.$$statistic$${kind:+.$$kind}; \
	  $(BIN)/alignscore leaderboard show $$benchmark $${split:+--split $$split} $$more \
	    --statistic $$statistic --runs $(RUNS) --format json -o $$file.json || exit; \
	  $(BIN)/alignscore leaderboard show $$file.json --cost --published all --format markdown -o $$file.md || exit; \
	  $(BIN)/alignscore leaderboard show $$file.json --format latex -o $$file.tex || exit; \
	done
	$(BIN)/alignscore leaderboard nlu run --data $(DATA) $(TRAIN:%=--data %) --runs $(RUNS) \
	  --precision bf16 --limit 2000
	for format in json:json md:markdown tex:latex; do \
	  $(BIN)/alignscore leaderboard nlu show --runs $(RUNS) --model mini,precision=bf16 \
	    --format $${format#*:} -o $(RESULTS)/nlu.mini.$${format%%:*} || exit; \
	done

clean:
	rm -rf .venv .venv-integrations .venv-release .venv-wheel build *.egg-info
