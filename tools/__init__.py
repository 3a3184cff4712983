"""The tool chain: what `make` needs before, and beside, the project itself.

Everything here but `random_plugin` is standard library only, because it runs before `.venv` exists.
"""
