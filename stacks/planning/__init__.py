"""From the stack file and one look at the world to the flow logs that are to be."""
