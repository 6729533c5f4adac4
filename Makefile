# Each target does its own set-up: a virtual environment in .venv with the versions of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
DEMO := .molbench/demo

.PHONY: demo test lint clean
.DELETE_ON_ERROR:

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "molbench needs Python 3.11 or newer; try make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: export MOLBENCH_HOME := $(CURDIR)/.molbench/home
demo: .venv/.installed
	rm -rf $(DEMO)
	$(BIN)/molbench pretrain geossl-ddm --backbone painn --data xtb-molecules --epochs 10 --output $(DEMO)/painn-ddm.pt
	$(BIN)/molbench evaluate $(DEMO)/painn-ddm.pt --suite embedded --seeds 3 --output $(DEMO)/results
	$(BIN)/molbench board build --results $(DEMO)/results --output $(DEMO)/board
	$(BIN)/molbench board show embedded --output $(DEMO)/board

test: .venv/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal  # two workers, one thread each

lint: .venv/.installed
	$(BIN)/ruff format --check molbench tests benchmarks
	$(BIN)/ruff check molbench tests benchmarks
	$(BIN)/mypy

clean:
	rm -rf .venv .molbench dist
