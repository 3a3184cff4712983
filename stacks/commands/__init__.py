"""The commands beside `pulumi`, one module or folder each."""
