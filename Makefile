# Every command a developer needs; `make` lists them. The environment is made on first use.
#
#   PYTHON=/path/to/python3.12   which interpreter to use (3.11 or newer; by default the first that works)
#
# The steps of `make test` are sessions of nox: `.venv/bin/nox --list`.

.DEFAULT_GOAL := help
.PHONY: help demo shop test test-fast lint types format docs bench bench-quick fuzz chaos soak secure outage wheel kafka clean demo-venv dev-venv bench-venv

VENV := .venv/bin/python
RUN := $(VENV) -m tools.run_tests

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: demo-venv ## show dekaf at work; needs no Kafka (DEKAF_BOOTSTRAP_SERVERS=host:9092 uses yours)
	@$(VENV) -m example_project

shop: dev-venv ## open two shops in your browser: order, take Kafka away, watch it come back (PORT=8000 and the next one)
	@$(VENV) -m example_project shop --port $(or $(PORT),8000)

test: dev-venv ## run everything: lint, types, imports, all tests, other Python versions
	@$(RUN)

test-fast: dev-venv ## run lint, types, imports and the unit tests
	@$(RUN) lint types imports unit

lint: dev-venv ## check rules, format and spelling
	@$(VENV) -m nox -s lint

types: dev-venv ## check types with mypy and pyright
	@$(VENV) -m nox -s types

format: dev-venv ## format the code and fix what ruff can fix
	@$(VENV) -m ruff check --fix .
	@$(VENV) -m ruff format .

docs: dev-venv ## build the documentation into site/ (DOCS=serve shows it at http://127.0.0.1:8000 while you write)
	@$(VENV) tools/configuration_page.py
	@$(VENV) tools/architecture_map.py
	@NO_MKDOCS_2_WARNING=1 $(VENV) -m mkdocs $(or $(DOCS),build) --strict

bench: bench-venv ## measure dekaf beside other clients on a real Kafka: everything, for hours (BENCH="fire await-1000" for some)
	@$(VENV) -m benchmarks $(or $(BENCH),all)

bench-quick: bench-venv ## the main rows in short, in three minutes once dekaf is compiled; a first impression
	@$(VENV) -m benchmarks --quick $(or $(BENCH),main steps)

fuzz: dev-venv ## feed damaged bytes to every reader of others' bytes (RUNS=1000000; python -m tests.fuzz --help)
	@$(VENV) -m tests.fuzz --runs $(or $(RUNS),1000000)

chaos: dev-venv ## play random stories, then harm three real brokers (STORIES=3000 FIRST=0 CHAOS_SECONDS=180; 0: not at all)
	@$(VENV) -m tests.stories --stories $(or $(STORIES),3000) --first $(or $(FIRST),0)
	@$(VENV) -m tests.chaos --seconds $(or $(CHAOS_SECONDS),180)

soak: bench-venv ## use one producer for ten minutes, and hold memory, descriptors, threads and latency against limits (SECONDS=600)
	@$(VENV) -m tests.soak --seconds $(or $(SECONDS),600)

secure: dev-venv ## run the tests of secure connections against Kafka, for a quarter of an hour (DEKAF_SECURE_SECONDS=60)
	@$(RUN) secure

outage: dev-venv ## take Kafka away from web applications under load, for a minute (OUTAGE_SECONDS=60)
	@$(RUN) outage

wheel: dev-venv ## build a wheel into dist/, compiled with mypyc for this Python; needs a C compiler (BUILD=interpreted does not)
	@$(VENV) tools/build_wheel.py $(or $(BUILD),compiled) --to dist

kafka: dev-venv ## run a real Kafka broker in the foreground (Java 17 and Maven; SECURE=1 adds listeners with TLS and SASL)
	@$(VENV) -m tests.kafka run $(if $(SECURE),--secure)

clean: ## remove environments, caches (Kafka included) and build results
	rm -rf .venv .nox .cache build dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

demo-venv dev-venv bench-venv:
	@sh tools/make_venv.sh $(@:-venv=)
