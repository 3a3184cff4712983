"""Plans the flow logs of a run, from the stack file and an inventory of what exists."""
