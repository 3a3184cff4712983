"""The floor: a provider that returns at once, so that what is left is the engine, the program and the machine."""
