# One command per job; `make help` lists them. Needs make, a POSIX shell and Python 3.11 or newer.
VENV := .venv
BIN := $(VENV)/bin
PYTHON := $(BIN)/python
SOURCES := src tests bench scripts
IN_PARALLEL := --numprocesses 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo serve test unit check fmt bench assets screenshots snapshots lock clean

help: ## List the commands
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## Install what running Vermilion needs (repeating it costs nothing)
	@sh scripts/setup.sh

setup-dev: ## Install what working on Vermilion needs
	@sh scripts/setup.sh dev

demo: setup ## Run the main job end to end; PHOTO=path cuts out your own photograph
	@$(BIN)/vermilion demo $(if $(PHOTO),--photo "$(PHOTO)")

serve: setup ## Run the gateway until interrupted
	@exec $(BIN)/vermilion serve

test: setup-dev ## Run all tests, two at a time; ARGS="-k wallet" passes options on
	@$(PYTHON) -m pytest $(IN_PARALLEL) $(ARGS)

unit: setup-dev ## Run the fast tests
	@$(PYTHON) -m pytest $(IN_PARALLEL) -m "not slow" $(ARGS)

check: setup-dev ## Check style, types and layers
	@echo "ruff check" && $(BIN)/ruff check --quiet $(SOURCES)
	@echo "ruff format --check" && $(BIN)/ruff format --check --quiet $(SOURCES)
	@echo "mypy --strict" && $(BIN)/mypy --no-error-summary
	@echo "lint-imports" && sh scripts/quietly.sh $(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter

fmt: setup-dev ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format --quiet $(SOURCES)

bench: setup-dev ## Measure Vermilion against its baselines in one run
	@$(PYTHON) -m bench $(ARGS)

screenshots: setup-dev ## Take pictures of every page of the dashboard (needs Chromium)
	@$(PYTHON) -m scripts.screenshots

snapshots: setup-dev ## Accept what the dashboard's pages say now (needs Chromium)
	@VERMILION_ACCEPT_SNAPSHOTS=1 $(PYTHON) -m pytest -q tests/dashboard/test_snapshots.py

assets: setup ## Build the dashboard's styles, scripts, fonts and icons into the package
	@$(PYTHON) -m scripts.build_assets

gallery: setup-dev ## Draw the composer's contact sheets in docs/pictures
	@$(PYTHON) scripts/gallery.py

lock: ## Recreate requirements/*.txt; ARGS=--upgrade takes the newest versions
	@sh scripts/lock.sh $(ARGS)

clean: ## Remove everything that can be made again (never data/)
	@rm -rf $(VENV) .cache assets/node_modules src/vermilion/faces/dashboard/static .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	@find src tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
