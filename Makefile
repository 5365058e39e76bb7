# make run: a clinic on this laptop.   make test: everything that is checked before a change lands.
PORT ?= 8000
PY := .venv/bin/python
STAMP := .venv/.stamp

# Images often forbid Python to keep what it compiled; each of our processes would compile it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run setup setup-test machine judges test test-spark bench check lock clean

run: setup
	@$(PY) -m enthesis.cli start --port $(PORT)

setup: $(STAMP)-run

setup-test: $(STAMP)-dev machine judges

machine:
	@sh requirements/machine.sh

judges:
	@sh requirements/judges.sh

$(STAMP)-run: requirements/run.txt pyproject.toml requirements/venv.sh
	@sh requirements/venv.sh run

$(STAMP)-dev: requirements/dev.txt pyproject.toml requirements/venv.sh
	@sh requirements/venv.sh dev

test:
	@sh tests/run.sh

# Spark beside DuckDB, on two processes of its own: needs Java 17, downloads half a gigabyte.
test-spark: setup-test
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/spark.txt
	@$(PY) -m pytest tests/spark/spark_engine.py

# Ours beside its peers: make bench [SIZE=quick|full|huge] [ONLY=cohort]. Best on an idle machine.
SIZE ?= full
bench: $(STAMP)-dev
	@PYTHONPATH=src $(PY) benchmarks/bench.py --size $(SIZE) $(addprefix --only ,$(ONLY))

check: $(STAMP)-dev
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

# A week of cooling: nothing younger than seven days enters the lock. Needs uv on the PATH.
lock:
	@sh requirements/lock.sh

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache
