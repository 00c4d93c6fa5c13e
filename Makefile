# Everything here needs Python >= 3.11 and make; the rest is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help install demo up test lint types imports check bench upgrade clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Fairlead needs Python >= 3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(READY) ## Install Fairlead and its tools into .venv

demo: $(READY) ## Three scientists share four slots 50/30/20 on a real computation
	$(BIN)/fairlead demo

up: $(READY) ## Start broker, worker and private servers; Ctrl-C stops them
	$(BIN)/fairlead up

test: lint types imports check ## Lint, types, import contracts and the whole test suite

lint: $(READY) ## ruff: lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY) ## mypy --strict
	$(BIN)/mypy

imports: $(READY) ## import-linter: each room imports only downward
	$(BIN)/lint-imports

check: $(READY) ## The test suite on real PostgreSQL and Redis
	@# Compiled before, not within the time that the first test has.
	$(BIN)/python -c 'from broker.scheduling import warm; warm()'
	$(BIN)/pytest -n 2

bench: $(READY) ## Run every benchmark and write docs/performance.md
	$(BIN)/python -m loadtests.run_all

upgrade: ## Renew constraints.txt with today's releases
	$(PYTHON) -m venv $(VENV)-upgrade
	$(VENV)-upgrade/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	{ echo '# Versions only: what the tests ran with. Renew with `make upgrade`.'; \
	  $(VENV)-upgrade/bin/python -m pip freeze --exclude-editable; } > constraints.txt
	rm -rf $(VENV)-upgrade

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
