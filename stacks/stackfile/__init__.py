"""What a stack file looks like: its model, where it is, how it is read and written."""
