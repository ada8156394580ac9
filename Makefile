# make run · make run MUSIC=PATH · make test · make setup
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# thousands of small databases: in memory, where 16 GB of it may be had, they take a sixth less time
MEMORY := $(shell [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 16000000 ] 2>/dev/null && echo -p /dev/shm)
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)
CODE := genreflow flows tasks genre_core storage demo tests benchmarks docs contrib
export DO_NOT_TRACK := 1
# hundreds of tests start commands: compiled modules save each of them half a second
unexport PYTHONDONTWRITEBYTECODE

# where setup has put it, or the machine has it
UV = $(or $(wildcard $(BIN)/uv),uv)
TOOLS := build/tools

.PHONY: help setup run docs notebooks test test-web test-long test-install fuzz crash-test bench check lock licences audit release clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: .venv/.installed ## Make the virtual environment from the locked, hashed dependencies

.venv/.installed: requirements.lock storage/embeddings/weights.lock pyproject.toml .ci/setup
	@bash .ci/setup "$(PYTHON)"
	@touch $@

run: setup ## All steps on the built-in library, or on MUSIC=PATH
	@$(BIN)/genreflow run $(if $(MUSIC),"$(MUSIC)")

docs: setup ## Write the generated reference, then build the site into build/site; broken links fail
	@$(BIN)/python -m docs.generator
	@$(BIN)/zensical build --strict

notebooks: run ## Run the notebooks on the built-in library in ./data and write their pages
	@OMP_NUM_THREADS=1 $(BIN)/python -m docs.generator.notebooks

PYTEST := $(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations=15

test: setup ## What CI runs: style, types, and all tests that do not need minutes
	@folder=$$(mktemp -d $(MEMORY)); trap 'rm -rf "$$folder"' EXIT; \
	export TMPDIR="$$folder" _GENREFLOW_SHARED="$$folder/shared"; \
	$(MAKE) --no-print-directory check > "$$folder/check" 2>&1 & check=$$!; \
	$(PYTEST) -m "not long and (prefect or both)" $$(grep -rlE --include='*.py' "mark\.(prefect|both)" tests); \
	wait $$check || { cat "$$folder/check"; exit 1; }; cat "$$folder/check"; \
	_GENREFLOW_DIRECT= $(PYTEST) -m "not long and not prefect$(if $(CHROMIUM),, and not browser)" tests
	@$(if $(CHROMIUM),,echo "The tests of the page were left out: there is no Chromium. Install it: apt install chromium")

test-web: setup ## The tests of the page in a real browser, Chromium; they leave pictures in build/pictures
	@folder=$$(mktemp -d $(MEMORY)); trap 'rm -rf "$$folder"' EXIT; export TMPDIR="$$folder"; \
	_GENREFLOW_DIRECT= $(BIN)/pytest -q tests/web

test-long: setup ## The tests that need minutes: long kills, a cluster, exports of all networks
	@folder=$$(mktemp -d $(MEMORY)); trap 'rm -rf "$$folder"' EXIT; export TMPDIR="$$folder"; \
	export _GENREFLOW_SHARED="$$folder/shared"; \
	$(PYTEST) -m "long and (prefect or both)" tests; \
	_GENREFLOW_DIRECT= $(PYTEST) -m "long and not prefect" tests

test-install: setup ## Install the built wheel on each Python from 3.11 to 3.13, and run the core's tests there
	@UV=$(UV) bash .ci/test-install

fuzz: setup ## 10,000 spoilt songs, names, manifests, archives, settings; takes some 2 minutes
	@FUZZ_INPUTS=10000 $(BIN)/pytest -q -s tests/fuzz

crash-test: setup ## Kill nightly runs at every named point, and nights and commands at 60 random moments
	@$(BIN)/pytest -q tests/crash
	@$(BIN)/python -m tests.crash.long

bench: setup ## Speed and size against their bars, with MUSIC=FOLDER on its mp3 songs; some 60 minutes, 10 GB in WORK=build/bench
	@$(BIN)/python -m benchmarks "$(MUSIC)" "$(or $(WORK),build/bench)" $(PARTS)

check: setup ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: ## Resolve the dependencies anew
	@compile="$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header"; \
	$$compile --extra dev --extra bench --extra docs pyproject.toml -o requirements.lock; \
	$$compile --constraint requirements.lock pyproject.toml -o requirements-core.lock; \
	$$compile --group release -o .ci/release.lock

$(TOOLS)/.installed: .ci/release.lock | setup
	@$(UV) venv --quiet --clear --python $(BIN)/python $(TOOLS)
	@$(UV) pip install --quiet --python $(TOOLS)/bin/python --require-hashes -r .ci/release.lock
	@touch $@

licences: $(TOOLS)/.installed ## List the licences of all dependencies; fail where one was not looked at
	@$(BIN)/python -m docs.generator.licences $(TOOLS)/bin/pip-licenses

audit: licences ## Known vulnerabilities, licences, workflow files; OFFLINE=1 leaves the first out
	@TOOLS=$(TOOLS) UV=$(UV) OFFLINE=$(OFFLINE) bash .ci/audit

release: setup ## Test, build and check a release in build/release, publish nothing; DRY=1: unfinished, too
	@TOOLS=$(TOOLS) UV=$(UV) DRY=$(DRY) OFFLINE=$(OFFLINE) bash .ci/release $(or $(TESTS),test)

clean: ## Remove the virtual environment and the caches; data stay
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
