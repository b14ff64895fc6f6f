# Environments are described in tools/dev/make_env.sh (cache, ready wheels).
SHELL := /bin/bash
VENV ?= .venv
VENV_OPENMMLAB ?= .venv-openmmlab
PYTHON := $(VENV)/bin/python
PYTHON_OPENMMLAB := $(VENV_OPENMMLAB)/bin/python
# Everything, the slow tests included; `pytest` alone leaves those out.
TEST := -m pytest -m 'slow or not slow'
PYTEST_ARGS ?= -n 2
# Two processes of one thread each are faster on small arrays than one of two.
THREADS := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: help env env-openmmlab test test-openmmlab lint format demo clean

help:
	@echo 'make env              environment $(VENV), maintained OpenMMLab distribution'
	@echo 'make env-openmmlab    environment $(VENV_OPENMMLAB), original distribution'
	@echo 'make demo             render rooms, train DeMT on them, evaluate, draw'
	@echo 'make test             all tests in $(VENV)'
	@echo 'make test-openmmlab   all tests in $(VENV_OPENMMLAB)'
	@echo 'make lint             ruff and codespell; make format mends the layout'
	@echo 'make clean            remove what builds and tests leave; not the environments'

env:
	@tools/dev/make_env.sh onedl '$(VENV)'

env-openmmlab:
	@tools/dev/make_env.sh openmmlab '$(VENV_OPENMMLAB)'

test: env
	$(THREADS) $(PYTHON) $(TEST) $(PYTEST_ARGS)

test-openmmlab: env-openmmlab
	$(THREADS) $(PYTHON_OPENMMLAB) $(TEST) $(PYTEST_ARGS)

lint: env
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(VENV)/bin/codespell

format: env
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

# Waiting threads sleep: spinning ones slowed each other down several times over
# whenever something else ran on the machine. Memory that a step frees stays with
# the process: else the next step pays a page fault for every 4 kB of it.
MALLOC := MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_MMAP_THRESHOLD_=1073741824
demo: env
	OMP_WAIT_POLICY=PASSIVE $(MALLOC) $(PYTHON) tools/demo.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
