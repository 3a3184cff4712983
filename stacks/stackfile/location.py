"""How stacks are called. Needs nothing but the standard library, as `make` asks before anything is installed."""


def short_name(stack: str) -> str:
    """The stack's own name: ORGANIZATION/PROJECT/STACK is the same stack."""
    return stack.rpartition("/")[2]
