python := .venv/bin/python

.PHONY: help setup demo check test bench docs tutorials clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready  ## make .venv with everything for development

.venv/ready: setup.sh pyproject.toml constraints.txt
	./setup.sh
	@touch $@

demo: .venv/ready  ## enumerate hypothetical frameworks and rank them by CO2 uptake with the bundled model
	@mkdir -p runs
	.venv/bin/catenane enumerate mofs --sample 2000 --out runs/candidates.csv --overwrite
	.venv/bin/catenane predict runs/candidates.csv --model mof-uptake --gas co2 --pressure 0.15 --top 20 --per-group 2 \
		--page runs/ranking.html --out runs/answers.csv --overwrite

check: .venv/ready  ## lint, formatting, types, import contracts
	$(python) -m ruff check .
	$(python) -m ruff format --check .
	$(python) -m mypy
	.venv/bin/lint-imports

test: .venv/ready  ## the test suite, on two processes
	OMP_NUM_THREADS=1 $(python) -m pytest -n 2 --dist worksteal

bench: .venv/ready  ## the benchmarks' tables, written to benchmarks/results
	$(python) benchmarks/tokenizers.py
	$(python) benchmarks/parsing.py
	$(python) benchmarks/training.py
	$(python) benchmarks/layers.py
	$(python) benchmarks/corpora.py
	$(python) benchmarks/attention.py

docs: .venv/ready  ## the documentation as a site, in site/: open site/index.html
	NO_MKDOCS_2_WARNING=1 $(python) -m mkdocs build

tutorials: .venv/ready  ## execute the notebooks of docs/tutorials and keep their outputs
	$(python) docs/notebooks.py

clean:  ## delete caches, not the environment
	rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist site *.egg-info
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
