# A machine needs only Python (3.11 or later), pip and make: each target makes .venv first.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.PHONY: demo test test-slow bench check clean

demo: $(READY)  ## train on Python's own standard library for two minutes, and let it write
	$(VENV)/bin/unrolled train char-lm --minutes 2

test: $(READY)  ## everything that CI checks
	VENV=$(VENV) ./check

test-slow: $(READY)  ## the long tests: hundreds of kills, thousands of damaged files
	$(VENV)/bin/python -m pytest -m slow --durations=10

bench: $(READY)  ## the figures of the documentation
	$(VENV)/bin/python bench/trainer_overhead.py
	$(VENV)/bin/python bench/import_time.py
	$(VENV)/bin/unrolled bench

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV)
