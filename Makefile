# Needs python3 (3.11 or newer) with venv, and make. Everything else goes into .venv.
PYTHON ?= python3
ARGS ?=
RUN = .venv/bin/python -m

.PHONY: help demo test coverage lint bench clean

help:
	@echo "make demo   run the example app"
	@echo "make test   run the tests in parallel (ARGS=... goes to pytest)"
	@echo "make coverage  the same, and which lines and branches they reach"
	@echo "make lint   check style, types and the direction of imports"
	@echo "make bench  measure"
	@echo "make clean  remove .venv and what tools left behind"

demo: .venv/installed
	@$(RUN) example_app

test: .venv/installed
	@$(RUN) pytest -n logical --maxprocesses 8 --dist worksteal $(ARGS)

coverage: .venv/installed
	@$(RUN) pytest -n logical --maxprocesses 8 --dist worksteal --cov --cov-report= $(ARGS)
	@$(RUN) coverage report

lint: .venv/installed
	@$(RUN) ruff check .
	@$(RUN) mypy
	@.venv/bin/lint-imports

bench: .venv/installed
	@$(RUN) bench

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is missing or older than 3.11. Install a newer one, then: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "Installing into .venv what this project and its tests need; the first time this takes a minute..."
	@$(PYTHON) -m venv .venv
	@$(RUN) pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv .coverage* htmlcov .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -exec rm -rf {} +
