"""The Pulumi program: a flow log on every attachment that the stack file asks for."""

from stacks.program import main

main()
