# make run · make run MUSIC=PATH · make test · make setup
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
KILLED_NIGHTS := $(addprefix tests/crash/test_kills.py::,\
	test_a_training_killed_at_every_point_in_turn_ends_like_an_undisturbed_one \
	test_a_night_killed_between_two_steps_is_closed_by_the_next_which_goes_on_from_there)
NIGHTS := night
APART := tests/crash tests/flows/test_cluster.py tests/flows/test_deployment.py tests/flows/test_three_nights.py
# thousands of small databases: in memory, where 16 GB of it may be had, they take a sixth less time
MEMORY := $(shell [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 16000000 ] 2>/dev/null && echo -p /dev/shm)
CODE := flows tasks genre_core storage demo tests benchmarks docs
export DO_NOT_TRACK := 1

.PHONY: help setup run docs test test-rooms test-nights test-apart fuzz crash-test bench check lock clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

setup: .venv/.installed ## Make the virtual environment from the locked, hashed dependencies

.venv/.installed: requirements.lock weights.lock pyproject.toml .ci/setup
	@bash .ci/setup "$(PYTHON)"
	@touch $@

run: setup ## The whole line on the built-in library, or on MUSIC=PATH
	@$(BIN)/genreflow run $(if $(MUSIC),"$(MUSIC)")

docs: setup ## Write the generated reference, then build the site into build/site; broken links fail
	@$(BIN)/python -m docs.generator
	@$(BIN)/zensical build --strict

test: setup check ## What CI runs: style and types, then all tests, two processes at a time, but for the longest kills
	@folder=$$(mktemp -d $(MEMORY)); trap 'rm -rf "$$folder"' EXIT; export TMPDIR="$$folder"; \
	$(MAKE) --no-print-directory -j2 --output-sync=target test-rooms test-nights test-apart

test-rooms: setup
	@$(BIN)/pytest -q --durations=15 -m "not ($(NIGHTS))" $(addprefix --ignore=,$(APART)) tests

test-nights: setup
	@$(BIN)/pytest -q --durations=15 -m "$(NIGHTS)" $(addprefix --ignore=,$(APART)) tests

test-apart: setup
	@$(BIN)/pytest -q --durations=15 $(APART) $(addprefix --deselect=,$(KILLED_NIGHTS))

fuzz: setup ## 10,000 spoilt songs and manifests; takes some 7 minutes
	@FUZZ_INPUTS=10000 $(BIN)/pytest -q -s tests/fuzz

crash-test: setup ## Kill whole nights at every named point and at 50 random moments
	@$(BIN)/pytest -q tests/crash
	@$(BIN)/python -m tests.crash.long

bench: setup ## Speed and size against their bars, on MUSIC=FOLDER of mp3 songs; WORK=build/bench keeps 10 GB
	@$(BIN)/python -m benchmarks "$(MUSIC)" "$(or $(WORK),build/bench)" $(PARTS)

check: setup ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock: ## Resolve the dependencies anew
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra dev --extra dask --extra bench --extra docs --extra onnx pyproject.toml -o requirements.lock

clean: ## Remove the virtual environment and the caches; data stay
	@rm -rf .venv .cache .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
