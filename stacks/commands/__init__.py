"""The commands that `make` runs beside `pulumi`, one module or folder each."""
