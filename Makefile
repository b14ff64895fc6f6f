# Environments are described in tools/dev/make_env.sh (cache, ready wheels).
SHELL := /bin/bash
VENV ?= .venv
VENV_OPENMMLAB ?= .venv-openmmlab
VENV_LOWEST ?= .venv-lowest
VENV_RELEASE ?= .venv-release
VENV_DOCS ?= .venv-docs
PYTHON := $(VENV)/bin/python
PYTHON_OPENMMLAB := $(VENV_OPENMMLAB)/bin/python
PYTHON_LOWEST := $(VENV_LOWEST)/bin/python
PYTHON_RELEASE := $(VENV_RELEASE)/bin/python
# Everything, the slow tests included; `pytest` alone leaves those out.
TEST := -m pytest -m 'slow or not slow'
# Of the slow ones, those that meet something of OpenMMLab (tests/conftest.py).
TEST_BOTH := -m pytest -m 'not one_stack'
# A process that has nothing left takes tests of the other: some take a minute.
PYTEST_ARGS ?= -n 2 --dist worksteal
# Two processes of one thread each are faster on small arrays than one of two.
THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

# The order of `make test-random`; pytest prints it.
SEED ?= $(shell date +%s)

.PHONY: help env env-openmmlab env-lowest test test-openmmlab test-lowest \
	test-random coverage lint types format check-all dist-check \
	release-check docs lock audit sbom pythons demo clean

help:
	@echo 'make env              environment $(VENV), maintained OpenMMLab distribution'
	@echo 'make env-openmmlab    environment $(VENV_OPENMMLAB), original distribution'
	@echo 'make demo             render rooms, train DeMT on them, evaluate, draw'
	@echo 'make test             all tests in $(VENV)'
	@echo 'make test-openmmlab   tests of what OpenMMLab is used for, in $(VENV_OPENMMLAB)'
	@echo 'make lint             ruff and codespell; make format mends the layout'
	@echo 'make types            type checker, on the package and the tools'
	@echo 'make check-all        all of the above, and:'
	@echo 'make coverage         fast tests, with the share of branches they take'
	@echo 'make test-lowest      fast tests with the oldest versions allowed'
	@echo 'make test-random      fast tests in random order (SEED=... repeats one)'
	@echo 'make docs             the site of docs/, in build/site; warnings are errors'
	@echo 'make dist-check       wheel and sdist, installed and tried out'
	@echo 'make pythons          ask the resolver whether other Pythons fit'
	@echo 'make lock             renew requirements/lock/hashed'
	@echo 'make audit            known holes in what the locks name (pip-audit)'
	@echo 'make sbom             list of what the locks name, dist/sbom-*.json'
	@echo 'make release-check    all that must hold before a release is made'
	@echo 'make clean            remove what builds and tests leave; not the environments'

env:
	@tools/dev/make_env.sh onedl '$(VENV)'

env-openmmlab:
	@tools/dev/make_env.sh openmmlab '$(VENV_OPENMMLAB)'

env-lowest:
	@tools/dev/make_env.sh lowest '$(VENV_LOWEST)'

test: env
	$(THREADS) $(PYTHON) $(TEST) $(PYTEST_ARGS)

test-openmmlab: env-openmmlab
	$(THREADS) $(PYTHON_OPENMMLAB) $(TEST_BOTH) $(PYTEST_ARGS)

# Slow tests are left out of these three: they meet the same code again.
test-lowest: env-lowest
	$(THREADS) $(PYTHON_LOWEST) -m pytest $(PYTEST_ARGS)

test-random: env
	$(THREADS) MMMTL_FUZZ_SEED=$(SEED) $(PYTHON) -m pytest $(PYTEST_ARGS) --random-order \
		--random-order-seed=$(SEED)

coverage: env
	$(THREADS) $(PYTHON) -m pytest $(PYTEST_ARGS) --cov --cov-report= --timeout=900
	$(PYTHON) -m coverage json --quiet -o .coverage.json
	$(PYTHON) tools/dev/coverage_floor.py .coverage.json

check-all: lint types test test-openmmlab coverage test-lowest test-random \
	dist-check pythons

lint: env
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(VENV)/bin/codespell

types: env
	$(VENV)/bin/pyrefly check --python-interpreter-path $(PYTHON)

format: env
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# Waiting threads sleep: spinning ones slowed each other down several times over
# whenever something else ran on the machine. Memory that a step frees stays with
# the process: else the next step pays a page fault for every 4 kB of it.
MALLOC := MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=1073741824
demo: env
	OMP_WAIT_POLICY=PASSIVE $(MALLOC) $(PYTHON) tools/demo.py

# Tools that the tests do without have an environment of their own.
$(VENV_RELEASE)/.stamp: requirements/lock/hashed/release.txt
	$${MMMTL_PYTHON:-python3} -m venv --clear $(VENV_RELEASE)
	$(PYTHON_RELEASE) -m pip install -qq --require-hashes -r $<
	touch $@

$(VENV_DOCS)/.stamp: requirements/lock/hashed/docs.txt
	$${MMMTL_PYTHON:-python3} -m venv --clear $(VENV_DOCS)
	$(VENV_DOCS)/bin/python -m pip install -qq --require-hashes -r $<
	touch $@

# Without the announcement of its successor that the theme prints.
docs: $(VENV_DOCS)/.stamp
	NO_MKDOCS_2_WARNING=1 $(VENV_DOCS)/bin/python -m mkdocs build --strict

# In the order of what it costs. A release is made from what is committed.
release-check:
	test -z "$$(git status --porcelain)" || { git status --short; exit 1; }
	$(MAKE) lint types docs dist-check
	$(MAKE) check-all audit sbom

dist-check: $(VENV_RELEASE)/.stamp
	tools/dev/dist_check.sh $(VENV_RELEASE)

# uv works with the Pythons that are here.
export UV_PYTHON_DOWNLOADS := never
# Versions stay unless requirements/ or the pins in requirements/lock change;
# UPGRADE=--upgrade renews the indirect ones, too.
LOCKS := onedl openmmlab release docs
COMPILE = $(VENV_RELEASE)/bin/uv pip compile --quiet --universal --no-header \
	--no-annotate --generate-hashes $(UPGRADE)
RANGES := $(addprefix requirements/,$(addsuffix .txt, \
	runtime build onedl lite optional balancing lora deploy hub serve tests))
lock: $(VENV_RELEASE)/.stamp
	for name in $(LOCKS); do \
		$(COMPILE) --python-version 3.11 requirements/lock/$$name.txt \
			-o requirements/lock/hashed/$$name.txt || exit 1; \
	done
	$(COMPILE) --python-version 3.11 --resolution lowest-direct $(RANGES) \
		-o requirements/lock/hashed/lowest.txt

# Pythons that the tests do not run with.
PYTHONS ?= 3.10 3.12
pythons: $(VENV_RELEASE)/.stamp
	for version in $(PYTHONS); do \
		$(VENV_RELEASE)/bin/uv pip compile --quiet --python-version $$version \
			$(RANGES) -o /dev/null || exit 1; \
		echo "Python $$version: the resolver finds a set of packages"; \
	done

# Asks an advisory service on the network.
audit: $(VENV_RELEASE)/.stamp
	for name in $(LOCKS); do \
		$(VENV_RELEASE)/bin/pip-audit --strict --require-hashes --disable-pip \
			-r requirements/lock/hashed/$$name.txt || exit 1; \
	done

sbom: $(VENV_RELEASE)/.stamp
	mkdir -p dist
	for name in $(LOCKS); do \
		$(VENV_RELEASE)/bin/cyclonedx-py requirements --output-reproducible \
			-o dist/sbom-$$name.json \
			requirements/lock/hashed/$$name.txt || exit 1; \
	done

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .coverage .coverage.*
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
