# The commands of this project; `make` alone lists them. Anything longer than a few lines lives in tools/.

STACK ?= local
ARGS ?=
NAME ?=
ROUTER ?=
JOBS ?= 4
YES ?=
export NAME STACK ROUTER YES

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# Each of these gets ready what a target needs (next to nothing when all is there) and sets its environment.
# What it has to say goes to stderr; the lines that `eval` reads are those that `make env` prints.
with_venv = exports="$$(sh tools/python -m tools.prepare venv)" || exit 1; eval "$$exports"
with_cli = exports="$$(sh tools/python -m tools.prepare cli)" || exit 1; eval "$$exports"
with_stack = exports="$$(sh tools/python -m tools.prepare stack "$$STACK")" || exit 1; eval "$$exports"

# --yes answers Pulumi's only question. Without a terminal it prints plain lines.
up = pulumi up --yes --refresh --skip-preview --suppress-outputs --stack "$$STACK"
refresh = pulumi refresh --parallel "$$OTC_FLOW_LOGS_READS" --yes --skip-preview --suppress-outputs --stack "$$STACK"
previewed = PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true \
	pulumi preview --parallel "$$OTC_FLOW_LOGS_READS" --refresh --json --stack "$$STACK"
# Whoever is at a terminal is asked about any stack but local, after a look at what is deleted and moved.
agreed = { [ "$${STACK\#\#*/}" = local ] || [ -n "$$YES" ] || ! [ -t 0 ] || ! [ -t 1 ] || \
	{ echo "looking at what would change" >&2; $(previewed) | python -m stacks.review --ask "$$STACK=-"; }; }
not_interrupted = pulumi stack export --stack "$$STACK" | python -m stacks.pending refuse "$$STACK"
config = pulumi config --json --show-secrets --stack "$$STACK"
signed_in = $(config) | python -m stacks.commands.whoami "$$STACK"
coverage = $(config) | python -m stacks.commands.coverage "$$STACK"
pytest = python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder

.PHONY: help
help: ## List the targets.
	@echo "make TARGET [STACK=local] [ARGS='...']"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: up
up: ## Put a flow log on every attachment of the stack's routers (asks first, except for local; YES=1 answers).
	@$(with_stack); $(signed_in) && $(not_interrupted) && $(agreed) && $(up) && { $(coverage) || :; }

.PHONY: preview
preview: ## Show what `make up` would change.
	@$(with_stack); $(signed_in) && pulumi preview --parallel "$$OTC_FLOW_LOGS_READS" --refresh --diff --suppress-outputs --stack "$$STACK"

.PHONY: review
review: ## Print what `make up` would change, as Markdown for a pull request.
	@$(with_stack); $(signed_in) && $(previewed) | python -m stacks.review "$$STACK=-"

.PHONY: refresh
refresh: ## Bring the state up to date with what is there.
	@$(with_stack); $(signed_in) && $(refresh)

.PHONY: destroy
destroy: ## Take the stack's flow logs away (asks first, except for the stack local).
	@$(with_stack); $(signed_in) && $(not_interrupted) && \
		pulumi destroy $(if $(filter local,$(STACK)),--yes) --suppress-outputs --stack "$$STACK" $(ARGS)

.PHONY: recover
recover: ## After a run that was killed, and if nobody else is at work: unlock, look, and finish the job.
	@$(with_stack); $(signed_in) && python -m stacks.pending refuse-live "$$STACK" && pulumi cancel --yes --stack "$$STACK" && \
		state="$$(pulumi stack export --stack "$$STACK" | python -m stacks.pending take-over "$$STACK")" && \
		printf '%s\n' "$$state" | pulumi stack import --stack "$$STACK" && \
		rm -rf ".local/creating/$${STACK##*/}" && \
		$(refresh) && $(up) && { $(coverage) || :; }

.PHONY: coverage
coverage: ## Show which attachments are logged now, and where to; and as a page for a browser.
	@$(with_stack); $(coverage)

.PHONY: adopt
adopt: ## Write a stack file from what routers already have (ROUTER='name ...', all of them if not given).
	@$(with_venv); set -f; exec python -m stacks.commands.adopt "$$STACK" $$ROUTER $(ARGS)

.PHONY: new-stack
new-stack: ## Write a commented stack file NAME for ROUTER='name ...', out of what the API tells.
	@$(with_venv); set -f; exec python -m stacks.commands.new_stack "$$NAME" $$ROUTER $(ARGS)

.PHONY: whoami
whoami: ## Show who would act, where, and which state is used; nothing secret.
	@$(with_stack); $(config) | python -m stacks.commands.whoami "$$STACK" "$$(pulumi whoami --json)"

.PHONY: env
env: ## Print what a shell needs for bare `pulumi` commands: eval "$(make env)"
	@sh tools/python -m tools.prepare env "$$STACK"

.PHONY: test
test: ## Run the tests, the fast ones first (ARGS="-k name" chooses).
	@$(with_cli); $(pytest) -m "not acceptance" $(ARGS)

.PHONY: test-fast
test-fast: ## Run the tests that need no Pulumi CLI.
	@$(with_venv); $(pytest) -m "not acceptance" tests/unit tests/emulator $(ARGS)

.PHONY: acceptance
acceptance: ## Run the tests that `make test` leaves out: more cases of what it shows already, and the pages of docs/.
	@$(with_cli); $(pytest) -m acceptance $(ARGS) && \
		echo "Left out here too: make chaos (40 minutes), make bench (over an hour), make live (wants an account)."

.PHONY: bench
bench: ## Measure it beside the SDK's own host; takes over an hour (ARGS="--n 10,100 --runs 1 --anatomy 0 --fleet 0 --output DIR": six minutes; "--only fleet": 20).
	@$(with_cli); python -m bench $(ARGS)

.PHONY: chaos
chaos: ## Let everything go wrong that can, hundreds of times, and see that nothing is lost or doubled and each record has no gap; takes 40 minutes.
	@$(with_cli); python -m tests.chaos $(ARGS)

.PHONY: live
live: ## Walk one flow log through its life on a real account, beside the emulator (opt-in: it says what to set).
	@$(with_venv); exec python -m tests.live $(ARGS)

.PHONY: lint
lint: ## Check style and types.
	@$(with_venv); ruff check --quiet . && ruff format --check --quiet . && mypy

.PHONY: format
format: ## Format the code.
	@$(with_venv); ruff check --fix . && ruff format .

.PHONY: constraints
constraints: ## Pin anew, in constraints.txt, the newest packages that pyproject.toml allows.
	@sh tools/python -m tools.constraints

.PHONY: clean
clean: ## Remove .venv and caches; the state in .local stays.
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: move-state
move-state: ## Move the stack's state to another backend (TO=URL); the old one is kept aside.
	@$(with_stack); exec python -m tools.move_state "$$STACK" "$$TO"
