# What people and CI run. Everything but `clean` first makes the machine ready (setup/prepare),
# which costs a blink when it already is. ARGS reaches pytest: make test ARGS="-k lifecycle"

SHELL := /bin/bash
ARGS ?=
# The suite starts hundreds of Pythons, and each would compile the sources for itself.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup bed test lint check docs bench pictures test-debian12 test-debian13 clean

help:
	@echo 'make bed            build a Debian VM from nothing, boot it, check it, rebuild it, check again'
	@echo 'make test           the whole suite, guests included'
	@echo 'make check          lint and the quick tests, which need no guest: a minute'
	@echo 'make lint           ruff, mypy, and the arrows between the rooms'
	@echo 'make docs           docs/reference, from the models, their docstrings and the options'
	@echo 'make bench          the figures'
	@echo 'make pictures       the pictures of the documentation, by doing the tutorial'
	@echo 'make test-debian13  what CI runs, on a bare Debian 13 beside this system (as root); also 12'
	@echo 'make setup          only make the machine ready'
	@echo 'make clean          remove .venv, caches, built disks and evidence; never machines'

setup:
	@setup/prepare

bed: setup
	.venv/bin/pytest --charly-bed check-debian-vm $(ARGS)

test: setup
	@setup/run-tests $(ARGS)

# mypy takes each conftest.py by itself, since they share one module name.
lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	@for file in $$(git ls-files '*conftest.py'); do .venv/bin/mypy "$$file" || exit 1; done
	.venv/bin/lint-imports
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run $$(grep -l '^#!.*bash' setup/*); fi

check: lint
	.venv/bin/pytest -n 4 --dist worksteal \
	  -m 'not slow and not live and not session and not lab' $(ARGS)

docs: setup
	PYTHONPATH=docs .venv/bin/python -m make_reference

bench: setup
	@set -e; for benchmark in benchmarks/*.py; do \
	  echo "$$benchmark"; .venv/bin/python "$$benchmark"; \
	done

pictures: setup
	.venv/bin/python docs/images/make_pictures.py

test-debian12:
	CI=true setup/debian-tree bookworm

test-debian13:
	CI=true setup/debian-tree trixie

clean:
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .benchmarks
	rm -rf build dist *.egg-info {.,beds}/output {.,beds}/charly-evidence
	find . -name __pycache__ -prune -exec rm -rf {} +
