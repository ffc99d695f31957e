# make demo · make test · make lint · make bench · make mutants · make clean; each installs what it needs first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install packages demo test lint bench mutants clean

install: packages .venv/installed

# Somebody else's broker makes an own one unnecessary.
packages:
	@test -n "$$PGJOBS_AMQP_URL" || test -x /usr/lib/rabbitmq/bin/rabbitmq-server || .ci/packages rabbitmq-server

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv || { .ci/packages python3-venv && $(PYTHON) -m venv --clear .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/pgjobs demo $(if $(KEEP),--keep)

test: lint
	$(BIN)/pytest -n 2 --dist worksteal

lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: install
	$(BIN)/pgjobs bench

# Every broken promise has to be noticed by its tests; MUTANTS="m1 m7" chooses.
mutants: install
	PYTHONPATH=tests $(BIN)/python -m mutants.run $(MUTANTS)

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
