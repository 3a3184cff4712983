"""What earlier runs left: the state, and the outputs that the next run reads."""
