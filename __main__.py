"""The Pulumi program: a flow log on every attachment that the stack file selects."""

from stacks.program import main

main()
