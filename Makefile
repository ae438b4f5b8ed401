# GNU make 3.81 or newer, any POSIX shell. `make` alone lists the targets.
#
# PYTHON=python3.12     the Python to make .venv with (3.10 to 3.13; else the first found)
# SPACE=user/name       the Hugging Face Space that `make space` uploads to
# GRADIO_SERVER_PORT, GRADIO_SERVER_NAME: where the app listens (127.0.0.1:7860)

PYTHON ?=
SPACE ?=
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile

# What a Space does not need. In these patterns a * also stands for slashes.
SPACE_EXCLUDE := '.*' '*__pycache__*' '*.egg-info*' 'tests/*' 'corpus/*' 'state/*' 'build/*'

.DEFAULT_GOAL := help
.PHONY: help app assets screenshots test test-all install install-dev lint types format space clean

help: ## List these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

app: install ## Start the app on http://127.0.0.1:7860 (Ctrl-C stops it)
	@echo "Starting MusicGen-VAE; its address follows (http://127.0.0.1:7860 unless that is taken)"
	@$(BIN)/python -u app.py

assets: install ## Rebuild what the page shows of the checkpoint: its opening morph and its map
	$(BIN)/python -m musicgen_vae assets

screenshots: install-dev ## Take the README's pictures of the page anew; needs Chromium
	$(BIN)/python -m scripts.make_screenshots

test: lint types ## Lint, types and the default tests
	$(PYTEST)

test-all: lint types ## The same with the slow tests
	$(PYTEST) -m "slow or not slow"

install: ## Make .venv with what the app needs; nothing to do when up to date
	@python=$$(sh scripts/find_python.sh $(PYTHON)) && "$$python" scripts/install.py

install-dev: install ## The development extras as well
	@$(BIN)/python scripts/install.py --dev

lint: install-dev ## Check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev ## Check types
	@find musicgen_vae -name '*.pyi' -delete # written by Gradio beside components, and soon stale
	$(BIN)/mypy

format: install-dev ## Put formatting and import order right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

space: ## Upload this folder to a Hugging Face Space: make space SPACE=user/name
	@test -n "$(SPACE)" || { echo "error: name the Space: make space SPACE=user/name" >&2; exit 2; }
	@$(MAKE) --no-print-directory install
	@$(BIN)/hf auth whoami >/dev/null || \
		{ echo "error: log in to Hugging Face first: $(BIN)/hf auth login" >&2; exit 2; }
	$(BIN)/hf upload "$(SPACE)" . . --repo-type space \
		$(foreach pattern,$(SPACE_EXCLUDE),--exclude $(pattern))

clean: ## Remove caches; .venv, corpus and state stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build
	find . -name .venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
