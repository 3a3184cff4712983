# The commands of this project; `make` alone lists them. Anything longer than a few lines lives in tools/.

STACK ?= local
ARGS ?=
NAME ?=
ROUTER ?=
JOBS ?= 4
YES ?=
SPAN ?= 1h
WITHIN ?= 30m
export ATTACHMENT CONFIRM NAME STACK ROUTER SPAN WITHIN YES

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# Each of these prepares what a target needs (within a moment if it is there already) and sets its environment.
# Messages go to stderr; `eval` reads the same lines that `make env` prints.
with_venv = exports="$$(sh tools/python -m tools.prepare venv)" || exit 1; eval "$$exports"
with_cli = exports="$$(sh tools/python -m tools.prepare cli)" || exit 1; eval "$$exports"
with_stack = exports="$$(sh tools/python -m tools.prepare stack "$$STACK")" || exit 1; eval "$$exports"

# --yes, since `confirmed` asks. Without a terminal Pulumi prints plain lines.
up = pulumi up --yes --refresh --skip-preview --suppress-outputs --stack "$$STACK"
destroy = pulumi destroy --suppress-outputs --stack "$$STACK"
refresh = pulumi refresh --parallel "$$OTC_FLOW_LOGS_READS" --yes --skip-preview --suppress-outputs --stack "$$STACK"
preview_json = PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true \
	pulumi preview --parallel "$$OTC_FLOW_LOGS_READS" --refresh --json --stack "$$STACK"
# At a terminal, show what is deleted and moved, and ask; not for local.
confirmed = { [ "$${STACK\#\#*/}" = local ] || [ -n "$$YES" ] || ! [ -t 0 ] || ! [ -t 1 ] || \
	{ echo "previewing the changes" >&2; $(preview_json) | python -m stacks.review --ask "$$STACK=-"; }; }
not_interrupted = pulumi stack export --stack "$$STACK" | python -m stacks.pending refuse "$$STACK"
config = pulumi config --json --show-secrets --stack "$$STACK"
signed_in = $(config) | python -m stacks.commands.whoami "$$STACK"
coverage = $(config) | python -m stacks.commands.coverage "$$STACK"$(if $(DELIVERY), --delivery)
delivery = python -m stacks.delivery --stack "$$STACK" --span "$$SPAN"
waited = $(if $(WAIT),&& $(delivery) --wait "$$WITHIN")
# Wrong values are refused before anything is changed.
can_wait = $(if $(filter-out delivery,$(WAIT)),$(error WAIT must be delivery, not $(WAIT)))$(if $(WAIT),$(delivery) --wait "$$WITHIN" --help >/dev/null &&)
pytest = python -m pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder

.PHONY: help
help: ## List the targets.
	@echo "make TARGET [STACK=local] [ARGS='...']"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: up
up: ## Create and update the stack's flow logs (YES=1: without asking).
	@$(with_stack); $(can_wait) $(signed_in) && $(not_interrupted) && $(confirmed) && $(up) && { $(coverage) || :; } $(waited)

.PHONY: preview
preview: ## Show what `make up` would change.
	@$(with_stack); $(signed_in) && pulumi preview --parallel "$$OTC_FLOW_LOGS_READS" --refresh --diff --suppress-outputs --stack "$$STACK"

.PHONY: review
review: ## Print what `make up` would change, as Markdown.
	@$(with_stack); $(signed_in) && $(preview_json) | python -m stacks.review "$$STACK=-"

.PHONY: refresh
refresh: ## Update the state with what exists now.
	@$(with_stack); $(signed_in) && $(refresh)

.PHONY: destroy
destroy: ## Delete the stack's flow logs (asks first, except for local).
	@$(with_stack); $(signed_in) && $(not_interrupted) && \
		if [ -n "$(filter local,$(STACK))$(filter --yes -y,$(ARGS))" ] || ! [ -t 0 ] || ! [ -t 1 ]; then \
			$(destroy) $(if $(filter local,$(STACK)),--yes) $(ARGS); \
		else \
			echo "previewing the changes" >&2; \
			PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true $(destroy) --preview-only --json $(ARGS) | \
				python -m stacks.review --ask "$$STACK=-" && $(destroy) --yes --skip-preview $(ARGS); \
		fi

.PHONY: recover
recover: ## Finish a run that was killed, if no other run is in progress.
	@$(with_stack); $(signed_in) && python -m stacks.pending refuse-live "$$STACK" && pulumi cancel --yes --stack "$$STACK" && \
		state="$$(pulumi stack export --stack "$$STACK" | python -m stacks.pending take-over "$$STACK")" && \
		printf '%s\n' "$$state" | pulumi stack import --stack "$$STACK" && \
		rm -rf ".local/creating/$${STACK##*/}" && \
		$(refresh) && $(up) && { $(coverage) || :; }

.PHONY: coverage
coverage: ## Show which attachments are logged; also as an HTML page.
	@$(with_stack); $(coverage)

.PHONY: delivery
delivery: ## Show whose records arrive; fails if some do not.
	@$(with_stack); $(delivery) $(ARGS)

.PHONY: adopt
adopt: ## Write a stack file from existing flow logs (ROUTER='name ...').
	@$(with_venv); set -f; exec python -m stacks.commands.adopt "$$STACK" $$ROUTER $(ARGS)

.PHONY: forget
forget: ## Stop managing flow logs; they stay (ATTACHMENT='name ...').
	@$(with_stack); $(signed_in) && $(not_interrupted) && set -f && \
		$(config) | python -m stacks.commands.forget "$$STACK" $$ATTACHMENT --router $$ROUTER

.PHONY: new-stack
new-stack: ## Write a commented stack file for NAME=name and ROUTER='name ...'.
	@$(with_venv); set -f; exec python -m stacks.commands.new_stack "$$NAME" $$ROUTER $(ARGS)

.PHONY: whoami
whoami: ## Show the user, project and state in use; no secrets.
	@$(with_stack); $(config) | python -m stacks.commands.whoami "$$STACK" "$$(pulumi whoami --json)"

.PHONY: env
env: ## Set up a shell for bare `pulumi` commands: eval "$(make env)"
	@sh tools/python -m tools.prepare env "$$STACK"

.PHONY: test
test: ## Run the tests, the fast ones first (ARGS="-k name" selects).
	@$(with_cli); $(pytest) -m "not acceptance" $(ARGS)

.PHONY: test-fast
test-fast: ## Run the tests that need no Pulumi CLI.
	@$(with_venv); $(pytest) -m "not acceptance" tests/unit tests/emulator $(ARGS)

.PHONY: acceptance
acceptance: ## Run what `make test` leaves out: more cases, and docs/.
	@$(with_cli); $(pytest) -m acceptance $(ARGS) && \
		echo "Not run: make chaos (40 minutes), make bench (over an hour), make live (needs an account)."

.PHONY: bench
bench: ## Compare the speed with the SDK's host, for over an hour.
	@$(with_cli); python -m bench $(ARGS)

.PHONY: chaos
chaos: ## Inject faults, and look for lost flow logs, for 40 minutes.
	@$(with_cli); python -m tests.chaos $(ARGS)

.PHONY: live
live: ## Test one flow log on a real account (opt-in: ARGS=--help).
	@$(with_venv); exec python -m tests.live $(ARGS)

.PHONY: lint
lint: ## Check style and types.
	@$(with_venv); ruff check --quiet . && ruff format --check --quiet . && mypy

.PHONY: format
format: ## Format the code.
	@$(with_venv); ruff check --fix . && ruff format .

.PHONY: constraints
constraints: ## Update constraints.txt to the newest allowed packages.
	@sh tools/python -m tools.constraints

.PHONY: clean
clean: ## Remove .venv and caches; the state in .local stays.
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: move-state
move-state: ## Move the stack's state to another backend (TO=URL).
	@$(with_stack); exec python -m tools.move_state "$$STACK" "$$TO"
