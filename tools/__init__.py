"""The tool chain: what `make` needs before, and beside, the project itself.

What runs before `.venv` exists uses the standard library only: everything but `move_state` and the plugin in `offline`.
"""
