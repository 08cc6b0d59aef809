# Every target sets up what it needs by itself: a virtual environment in .venv, made anew when the pins change.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
READY := .venv/.ready
PAGE := .venv/page/node_modules/.bin
PAGE_READY := .venv/page/.ready
WARM := .venv/.warm

# Hundreds of processes import the same packages in one `make test`; where compiled code is not kept, each spends most of its start
# on compiling them anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## Say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

.PHONY: demo
demo: $(READY) ## Open the dashboard with simulated chips
	@$(BIN)/floodscope demo

# A file is one process's; they begin in the order that tests/conftest.py gives. Three processes for two cores: a test that waits
# for a server or a child leaves its core free. A page in Chromium works for two, so browser tests are two processes.
PYTEST := $(BIN)/python -m pytest --dist=loadfile
WITHOUT_BROWSER := OMP_NUM_THREADS=1 $(PYTEST) --ignore=tests/browser --no-loadscope-reorder

.PHONY: test
test: $(READY) ## Run every check and test, in a browser too
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint $(WARM)
	@$(WITHOUT_BROWSER) --numprocesses=3
	@browser="$$(.ci/browser.sh)"; FLOODSCOPE_BROWSER="$$browser" $(PYTEST) tests/browser --numprocesses=2

.PHONY: quick
quick: $(READY) ## Run every check, and the tests that start no browser, server or training
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint $(WARM)
	@$(WITHOUT_BROWSER) --numprocesses=2 -m "not slow"

.PHONY: lint
lint: lint-types lint-python lint-page ## Check style, format and types, of Python and of the page

.PHONY: lint-types
lint-types: $(READY)
	$(BIN)/mypy
	$(BIN)/mypy assets/sources

.PHONY: lint-python
lint-python: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: lint-page
lint-page: $(PAGE_READY)
	$(PAGE)/biome check --error-on-warnings .
	$(PAGE)/tsc
	$(PAGE)/tsc --project tsconfig.strict.json

.PHONY: format
format: $(READY) $(PAGE_READY) ## Format the code and mend what ruff and biome can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(PAGE)/biome check --write .

.PHONY: page
page: $(READY) ## Ask the modules of the page in Node
	@$(BIN)/python -m pytest tests/page

.PHONY: benchmarks
benchmarks: $(READY) ## Measure, as ratios against something named
	@for file in tests/benchmarks/*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

# Chips of one seed, and a network on them alone. No real chip teaches; REAL are those that the scores in the bundle are of.
RUN ?= weights-run
.PHONY: weights
weights: $(READY) ## Train the shipped weights anew: RUN=folder; six minutes on a GPU, hours on two cores; given again, it goes on
	[ -e $(RUN)/simulated ] || $(BIN)/floodscope simulate $(RUN)/simulated --chips 800 --seed 7
	$(BIN)/floodscope train $(RUN)/simulated --split all --recipe pretrain --set name=floodscope --out $(RUN)/pretrain --resume
	$(BIN)/python tests/benchmarks/leave_one_source_out.py --out $(RUN)/sources --model floodscope_new=$(RUN)/pretrain/bundle \
		--record floodscope_new
	rm -rf model/weights/floodscope && cp -r $(RUN)/pretrain/bundle model/weights/floodscope

.PHONY: gpu
gpu: $(READY) ## Measure on a GPU: the CPU's masks, chips and training steps a second, memory
	$(BIN)/python -m pytest tests/gpu -s

.PHONY: setup
setup: $(READY) ## Set up .venv and nothing else

$(READY): pyproject.toml constraints.txt .ci/setup.sh
	@.ci/setup.sh
	@touch $@

# What tests import is compiled once, beside the checks, and not by each of their processes at the same moment.
$(WARM): $(READY)
	$(PYTEST) --collect-only > $@.told || { cat $@.told; exit 1; }
	@touch $@

$(PAGE_READY): $(READY) package.json .ci/page_tools.sh
	@.ci/page_tools.sh
	@touch $@

# Pins that still fit stay; `make constraints UPGRADE=--upgrade` takes the newest of all.
.PHONY: constraints
constraints: ## Pin every package again, after a change of pyproject.toml
	@uv="$$(.ci/setup.sh uv)"; new="$$(mktemp)"; cp constraints.txt "$$new"; \
	"$$uv" pip compile --quiet --python-version 3.11 --extra dev --no-header --no-annotate --no-emit-index-url $(UPGRADE) \
		--output-file "$$new" pyproject.toml >/dev/null; \
	{ echo '# Every package that floodscope installs, by name and version. Made by `make constraints`.'; \
	  cat "$$new"; } > constraints.txt; rm "$$new"

.PHONY: clean
clean: ## Remove what make made, the virtual environment included
	rm -rf .venv .venv-tools .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
