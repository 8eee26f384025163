# Every target works on a fresh machine with only Python >= 3.11 and make: it creates .venv,
# puts uv in it with pip, and installs the locked packages and this one.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install demo test lint format bench bench-store test-lowest lock clean

install: $(VENV)/.installed

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: install
	@$(BIN)/llmops demo

test: install
	@$(BIN)/python -m pytest -n 2 tests --ignore=tests/benchmarks

lint: install
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install
	@$(BIN)/python -m tests.benchmarks.ledger_overhead
	@$(BIN)/python -m tests.benchmarks.cascade_overhead
	@$(BIN)/python -m tests.benchmarks.cache_hit
	@$(BIN)/python -m tests.benchmarks.import_time
	-@$(BIN)/python -m tests.benchmarks.local_store --alone
	-@$(BIN)/python -m tests.benchmarks.demonstrations --quick
	-@$(BIN)/python -m tests.benchmarks.expert_selection
	-@$(BIN)/python -m tests.benchmarks.planning_scheduler

# Takes minutes: InMemoryStore is measured in the same run, with 100,000 vectors. Fails on a missed target,
# where `make bench` only says so: a search waits for memory, which other programs use too.
bench-store: install
	@$(BIN)/python -m tests.benchmarks.local_store
	@$(BIN)/python -m tests.benchmarks.demonstrations

# The lower bounds in pyproject.toml are tested, not guessed. What those packages need in turn is no newer than
# in the lock, so that another maker's release of today does not decide whether a change lands.
test-lowest: install
	@$(PYTHON) -m venv .venv-lowest
	@sed -nE 's/^([A-Za-z0-9._-]+)==([^ ]+)( ;[^\\]*)?.*/\1<=\2\3/p' requirements.lock > .venv-lowest/constraints.txt
	@VIRTUAL_ENV=.venv-lowest $(BIN)/uv pip install --quiet --resolution lowest-direct \
		--constraints .venv-lowest/constraints.txt --editable . --group dev
	@.venv-lowest/bin/python -m pytest -n 2 tests --ignore=tests/benchmarks

# Names, versions and hashes, no index address: the lock serves any index.
lock: install
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --quiet \
		--no-emit-index-url --no-annotate --custom-compile-command "make lock" -o requirements.lock
	@$(MAKE) --no-print-directory lock-third-party

# What an extra needs beyond the lock, for `make test-integrations`; versions that are in the lock stay.
.PHONY: lock-third-party
lock-third-party:
	@for extra in llama-index gptcache; do \
		$(BIN)/uv pip compile pyproject.toml --extra $$extra -c requirements.lock --universal \
			--generate-hashes --quiet --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
			$$(sed -nE 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package \1/p' requirements.lock) \
			-o tests/integration/third_party/$$(echo $$extra | tr - _)/requirements.txt; \
	done

clean:
	rm -rf $(VENV) .venv-lowest

# The ledger, doctor, cascade, hierarchy, planner and demo on a real vLLM with a tiny model made here, on two CPU
# cores. It says why and passes where that cannot be installed. LLMOPS_VLLM_URL=http://... tests a server of your
# own instead.
.PHONY: test-vllm
test-vllm: install
	@$(BIN)/python tests/integration/vllm/run.py

# The embedded embeddings with the published weights (90 MB), which lie outside .venv, so that `make test` also
# sees a machine without the extra. It says why and passes where they cannot be installed.
.PHONY: bench-minilm
bench-minilm: install
	@$(BIN)/python tests/integration/minilm/run.py --bench

.PHONY: minilm-rule
minilm-rule: install
	@$(BIN)/python tests/integration/minilm/run.py --write-rule

.PHONY: test-minilm
test-minilm: install
	@$(BIN)/python tests/integration/minilm/run.py

# The cache on a real PostgreSQL with pgvector, which needs no service. It says why and passes where that cannot be
# installed.
.PHONY: test-postgres
test-postgres: install
	@$(BIN)/python tests/integration/postgres/run.py

# What works with other makers' packages (LlamaIndex, GPTCache), each with those in a folder of its own. It says
# why and passes where they cannot be installed.
.PHONY: test-integrations
test-integrations: install
	@$(BIN)/python tests/integration/third_party/run.py
