"""Stack files: their location and model, and how they are read and written."""
