# make run: everything set up, a sample group trained, and a page to chat on. make help: the rest.
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
CHECKED := $(VENV)/ready-dev
ARGS ?=

.PHONY: help run test check train bench clean
help:
	@echo 'make run     start: Telegram if TELEGRAM_BOT_TOKEN is set, else a local page (ARGS="--group NAME")'
	@echo 'make test    run the tests'
	@echo 'make check   format, lint, types, layering, tests'
	@echo 'make train   train a version (ARGS="--group NAME")'
	@echo 'make bench   run the benchmarks'
	@echo 'make clean   remove what was installed and built; data/ stays'

run: $(READY)
	@$(BIN)/understudy run $(ARGS)

train: $(READY)
	@$(BIN)/understudy train $(ARGS)

# Many tests wait for clocks and processes: two at a time take three fifths of the time.
test: $(CHECKED)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal

check: $(CHECKED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory test

bench: $(CHECKED)
	$(BIN)/python -m benchmarks.spine
	$(BIN)/python -m benchmarks.imports
	$(BIN)/python -m benchmarks.learning table

clean:
	rm -rf $(VENV) build lm/native/*.so *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Set up again only when what is to be installed has changed, so that the next start takes seconds.
$(READY): pyproject.toml constraints.txt scripts/setup setup.py $(wildcard lm/native/*.?pp)
	@scripts/setup $(VENV)
	@touch $@

# What only tests and checks need.
$(CHECKED): $(READY)
	@scripts/setup $(VENV) dev
	@touch $@
