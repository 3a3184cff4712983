"""`make adopt`: a stack file from the flow logs that exist."""
