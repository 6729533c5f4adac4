# Each target does its own set-up: a virtual environment in .venv with the versions of constraints.txt, every file
# of them but PyTorch's compared with its hash in requirements.lock.
PYTHON ?= python3
TORCH := 2.13.0
BIN := .venv/bin
DEMO := .molbench/demo
DEMO_TASKS := xtb-molecules/gap,xtb-molecules/mu,xtb-dynamics/ethanol,xtb-spectra/uv
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --no-annotate --custom-compile-command 'make lock'
# Two workers; tests take one thread each.
PYTEST := -m pytest -n 2 --dist worksteal

.PHONY: demo dist docs test test-fast test-lowest lint lock upgrade hooks clean
.DELETE_ON_ERROR:

# PyTorch and the accelerator libraries it brings come from whatever index the user has, so that a machine without
# an accelerator may take the small build; their hashes differ from index to index.
.venv/.installed: pyproject.toml constraints.txt requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "molbench needs Python 3.11 or newer; try make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --require-hashes --no-deps --requirement requirements.lock
	$(PIP) --constraint constraints.txt torch==$(TORCH)
	$(PIP) --no-deps --no-build-isolation --editable .
	$(BIN)/python -m pip check
	touch $@

demo: export MOLBENCH_HOME := $(CURDIR)/.molbench/home
demo: .venv/.installed
	rm -rf $(DEMO)
	mkdir -p $(DEMO)/models
	@echo 'A short pretraining, 20 steps, to show how it is done; nothing can be gained from it.'
	$(BIN)/molbench pretrain coord --backbone painn --data xtb-molecules --steps 20 --output $(DEMO)/short.pt
	@echo 'Two encoders of submissions/: 8,000 steps of it, and 20; beside them the same from scratch, and trees.'
	cp submissions/painn/coord/checkpoint.pt $(DEMO)/models/coord.pt
	cp submissions/painn/coord-20-steps/checkpoint.pt $(DEMO)/models/coord-20-steps.pt
	$(BIN)/molbench evaluate $(DEMO)/models/*.pt --tasks $(DEMO_TASKS) --protocol finetune-lite --seeds 3 --fingerprint --output $(DEMO)/results
	$(BIN)/molbench board build benchmarks/demo.yaml --results $(DEMO)/results --output $(DEMO)/board
	$(BIN)/molbench board show demo --output $(DEMO)/board

test: .venv/.installed
	$(BIN)/python $(PYTEST)

test-fast: .venv/.installed  # leaves out what starts a process, takes seconds or reads real files
	$(BIN)/python $(PYTEST) -m 'not slow and not real'

test-lowest: .venv-lowest/.installed  # on the lowest versions that pyproject.toml allows
	.venv-lowest/bin/python $(PYTEST)

.venv-lowest/.installed: pyproject.toml | .venv/bin/uv
	$(UV) venv --quiet --clear --python $(PYTHON) .venv-lowest
	$(UV) pip install --quiet --python .venv-lowest --resolution lowest-direct --editable '.[dev]'
	touch $@

docs: .venv/.installed  # into build/docs; offline, and a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

dist: .venv/.installed  # what is published: sources, and a wheel made of them
	rm -rf dist
	$(UV) build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist .

lint: .venv/.installed
	$(BIN)/ruff format --check molbench tests benchmarks docs/generated
	$(BIN)/ruff check molbench tests benchmarks docs/generated
	$(BIN)/mypy

hooks: .venv/.installed
	$(BIN)/pre-commit install

# Pins what pyproject.toml names anew and leaves other versions alone; `make upgrade` takes the newest of all.
lock: .venv/bin/uv
	echo torch==$(TORCH) | $(COMPILE) --extra dev pyproject.toml - --output-file constraints.txt
	$(COMPILE) --extra dev pyproject.toml --constraint constraints.txt --generate-hashes \
	  $$(sed -nE 's/^(torch|triton|cuda-[a-z-]+|nvidia-[a-z0-9-]+)==.*/--no-emit-package \1/p' constraints.txt) \
	  --output-file requirements.lock

upgrade: COMPILE += --upgrade
upgrade: lock

.venv/bin/uv:
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) --constraint constraints.txt uv

clean:
	rm -rf .venv .venv-lowest .molbench dist
