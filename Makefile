# Each target does its own set-up: it needs Python 3.11 to 3.13 and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo page test slow check install

demo: install  ## train on phantoms and classify the rare class from 1, 5 and 10 examples
	$(BIN)/python -m embedlearn.pretrain
	$(BIN)/python -m embedlearn.embed --out runs/demo.parquet
	test -e runs/gallery || $(BIN)/python -m embedlearn.index --out runs/gallery
	$(BIN)/python -m embedlearn.fewshot --shots 1 5 10
	@echo 'to put films in on a page: $(BIN)/python -m embedlearn.serve --demo'

page: install  ## open the page on phantoms, trained on first where no run is there; Ctrl-C stops
	$(BIN)/python -m embedlearn.serve --demo

test: install  ## every test that takes seconds
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist loadfile

slow: install  ## the tests that train for minutes
	$(BIN)/python -m pytest -m slow

check: install  ## style, types, direction of imports, --help, tables of the documents
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py tests/test_help.py
	$(BIN)/python -m experiments.tables --check

install: .venv/bin/python  ## the virtual environment, made again only when pyproject.toml changed
	@cmp -s pyproject.toml .venv/installed.toml || { \
	  $(BIN)/python -m pip install --quiet --upgrade pip && \
	  $(BIN)/python -m pip install --quiet --editable '.[dev]' && \
	  cp pyproject.toml .venv/installed.toml; }

.venv/bin/python:
	$(PYTHON) -m venv .venv
