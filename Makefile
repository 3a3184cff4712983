# The commands of this project; `make` alone lists them. Anything longer than a few lines lives in tools/.

# STACKS names several stacks, for targets that can work on them side by side.
TAKE_STACKS = up apply preview plan review refresh destroy coverage
ifneq ($(origin STACKS),undefined)
ALONE = $(filter-out $(TAKE_STACKS),$(or $(MAKECMDGOALS),help))
$(if $(ALONE),$(error make $(firstword $(ALONE)) takes no STACKS: use STACK))
$(if $(strip $(value STACKS)),,$(error STACKS is empty: name stacks in it, as in STACKS="a b"))
$(if $(strip $(value STACK)),$(error STACK and STACKS are both set: leave one of them out))
endif

# What only some targets read. Given to make itself, it is refused elsewhere: it would have no effect. Exported by a shell,
# it may be meant for other targets.
TAKE_ALL = clean
TAKE_ATTACHMENT = forget
TAKE_DELIVERY = up apply coverage recover
TAKE_JSON = coverage
TAKE_NAME = new-stack
TAKE_ROUTER = adopt forget new-stack
TAKE_SPAN = up apply delivery
TAKE_TO = move-state
TAKE_WAIT = up apply
TAKE_WITHIN = up apply
LIMITED = ALL ATTACHMENT DELIVERY JSON NAME ROUTER SPAN TO WAIT WITHIN
$(foreach input,$(LIMITED),$(if $(filter command,$(origin $(input))),$(foreach target,\
	$(firstword $(filter-out $(TAKE_$(input)),$(or $(MAKECMDGOALS),help))),\
	$(error make $(target) takes no $(input): leave it out))))

STACK ?= local
JOBS ?= 4
SPAN ?= 1h
WITHIN ?= 30m

# What users set. make takes their text as it is: otherwise it would run a `$(shell ...)` in it, and lose the `$` of a URN.
# Recipes read it as variables of the shell.
INPUTS = ALL ARGS ATTACHMENT CONFIRM DELIVERY JOBS JSON NAME ROUTER SPAN STACK TO WAIT WITHIN YES \
	$(if $(filter-out undefined,$(origin STACKS)),STACKS)
$(foreach input,$(INPUTS),$(eval override $(input) := $$(value $(input))))
export $(INPUTS)

# In these, ARGS are the arguments "$@" of the recipe: tools.prepare reads it, with the shell's quotation marks.
TAKE_ARGS = up apply preview plan review refresh destroy coverage delivery adopt new-stack \
	test test-fast acceptance bench check-backend chaos live
OTHERS = $(filter-out $(TAKE_ARGS),$(or $(MAKECMDGOALS),help))
$(if $(ARGS),$(if $(OTHERS),$(error make $(firstword $(OTHERS)) takes no ARGS: leave them out)))

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# Each of these prepares what a target needs (within a moment if it is there already) and sets its environment.
# Messages go to stderr.
with_venv = exports="$$(sh tools/python -m tools.prepare venv)" || exit 1; eval "$$exports"
with_cli = exports="$$(sh tools/python -m tools.prepare cli)" || exit 1; eval "$$exports"
with_stack = exports="$$(sh tools/python -m tools.prepare $(if $(STACKS),stacks "$$STACKS",stack "$$STACK"))" || exit 1; \
	eval "$$exports"
named = "$${STACKS:-$$STACK}"

run = exec python -m stacks.commands.run
coverage = python -m stacks.coverage --stack $(named) $${DELIVERY:+--delivery}
delivery = python -m stacks.delivery --stack "$$STACK" --span "$$SPAN"
pytest = python -m pytest -n "$$JOBS" --dist loadgroup --no-loadscope-reorder

.PHONY: help
help: ## List the targets.
	@echo "make TARGET [STACK=local] [STACKS='a b'] [ARGS='...']"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' Makefile

.PHONY: up
up: ## Create and update the stack's flow logs (YES=1: without asking).
	@$(with_stack); $(run) up $(named) "$$@"

.PHONY: apply
apply: up ## Another name of `make up`.

.PHONY: preview
preview: ## Show what `make up` would change.
	@$(with_stack); $(run) preview $(named) "$$@"

.PHONY: plan
plan: preview ## Another name of `make preview`.

.PHONY: review
review: ## Print what `make up` would change, as Markdown.
	@$(with_stack); $(run) review $(named) "$$@"

.PHONY: refresh
refresh: ## Update the state with what exists now.
	@$(with_stack); $(run) refresh $(named) "$$@"

.PHONY: destroy
destroy: ## Delete the stack's flow logs (asks first, except for local).
	@$(with_stack); $(run) destroy $(named) "$$@"

.PHONY: recover
recover: ## Finish a run that was killed, if no other run is in progress.
	@$(with_stack); $(run) recover "$$STACK"

.PHONY: coverage
coverage: ## Show which attachments are logged; also as an HTML page.
	@$(with_stack); $(coverage) $${JSON:+--json} "$$@"

.PHONY: delivery
delivery: ## Show whose records arrive; fails if some do not.
	@$(with_stack); $(delivery) "$$@"

.PHONY: adopt
adopt: ## Write a stack file from existing flow logs (ROUTER='name ...').
	@$(with_venv); set -f; exec python -m stacks.commands.adopt "$$STACK" $$ROUTER "$$@"

.PHONY: forget
forget: ## Stop managing flow logs; they stay (ATTACHMENT='name ...').
	@$(with_stack); set -f; exec python -m stacks.commands.forget "$$STACK" $$ATTACHMENT --router $$ROUTER

.PHONY: new-stack
new-stack: ## Write a commented stack file (NAME=name, ROUTER='name ...').
	@$(with_venv); set -f; exec python -m stacks.commands.new_stack "$$NAME" $$ROUTER "$$@"

.PHONY: whoami
whoami: ## Show the user, project and state in use; no secrets.
	@$(with_stack); python -m stacks.commands.whoami "$$STACK"

.PHONY: env
env: ## Set up a shell for bare `pulumi` commands: eval "$(make env)"
	@sh tools/python -m tools.prepare env "$$STACK"

.PHONY: test
test: ## Run the tests, the fast ones first (ARGS="-k name" selects).
	@$(with_cli); $(pytest) -m "not acceptance" "$$@"

.PHONY: test-fast
test-fast: ## Run the tests that need no Pulumi CLI.
	@$(with_venv); $(pytest) -m "not acceptance" tests/unit tests/emulator "$$@"

.PHONY: acceptance
acceptance: ## Run what `make test` leaves out: more cases, and docs/.
	@$(with_cli); $(pytest) -m acceptance "$$@" && \
		echo "Not run: make chaos (40 minutes), make bench (5 minutes), make live (needs an account)."

.PHONY: bench
bench: ## Measure the speed for 5 minutes (ARGS=--whole: everything).
	@$(with_cli); python -m bench "$$@"

.PHONY: check-backend
check-backend: ## Kill a run in the state backend in use, and look.
	@$(with_cli); python -m bench.backend "$$@"

.PHONY: chaos
chaos: ## Inject faults, and look for lost flow logs, for 40 minutes.
	@$(with_cli); python -m tests.chaos "$$@"

.PHONY: live
live: ## Test one flow log on a real account (opt-in: ARGS=--help).
	@$(with_venv); exec python -m tests.live "$$@"

.PHONY: lint
lint: ## Check style and types.
	@$(with_venv); ruff check --quiet . && ruff format --check --quiet . && mypy

.PHONY: format
format: ## Format the code.
	@$(with_venv); ruff check --fix . && ruff format .

.PHONY: constraints
constraints: ## Update constraints.txt to the newest allowed packages.
	@sh tools/python -m tools.constraints

.PHONY: version
version: ## Show the versions in use: this project's, Pulumi's, Python's.
	@$(with_cli); python -m tools.versions

.PHONY: clean
clean: ## Remove .venv and caches (ALL=1: the CLI too), not the state.
	@[ -z "$$ALL" ] || sh tools/python -m tools.cache
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache *.egg-info
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: move-state
move-state: ## Move the stack's state to another backend (TO=URL).
	@$(with_stack); exec python -m tools.move_state "$$STACK"
