# make demo · make test · make lint · make bench · make mutants · make soak · make clean; each installs what it needs first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install packages test-packages demo test lint bench mutants soak clean

install: packages .venv/installed

# Somebody else's broker makes an own one unnecessary.
packages:
	@test -n "$$PGJOBS_AMQP_URL" || test -x /usr/lib/rabbitmq/bin/rabbitmq-server || .ci/packages rabbitmq-server

# What only tests use, from the distribution as well: they open the page in a real browser, and let a Prometheus look.
# The driver of the browser is linked against libatomic, which a bare system has not.
test-packages:
	@test -x /usr/bin/promtool || .ci/packages prometheus
	@ls /usr/lib*/libatomic.so.1 /usr/lib*/*/libatomic.so.1 2>/dev/null | grep -q . || .ci/packages libatomic1
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit; done; .ci/packages chromium

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv || { .ci/packages python3-venv && $(PYTHON) -m venv --clear .venv; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: install
	$(BIN)/pgjobs demo $(if $(KEEP),--keep)

# Nothing runs twice: a test that fails once has failed.
test: lint test-packages
	$(BIN)/pytest -n 3 --dist worksteal

lint: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: install
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	$(BIN)/pgjobs bench --full

# Every broken promise has to be noticed by its tests; MUTANTS="m1 m7" chooses.
mutants: install
	PYTHONPATH=tests $(BIN)/python -m mutants.run $(MUTANTS)

# Every fault many times; takes hours. `pgjobs torture --part t3 --times 3` does one part. What fails stops nothing else.
soak: install test-packages
	@mkdir -p build
	@failed=0; \
	$(BIN)/pgjobs torture --part soak --json build/soak.json || failed=1; \
	PGJOBS_TEST_LONG=1 $(BIN)/pytest -n 2 -o faulthandler_timeout=0 tests/faults/test_failing_calls.py tests/engine/test_stateful.py \
		tests/doors/test_schemathesis.py \
		tests/items/test_items_stateful.py tests/monitoring/test_prometheus.py || failed=1; \
	PYTHONPATH=tests $(BIN)/python -m mutants.run || failed=1; \
	exit $$failed

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
