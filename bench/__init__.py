"""The benchmark: `make bench`, or `python -m bench --help`. Importing this package is cheap: the floor's host does."""
