"""The one error of the benchmark."""


class BenchError(Exception):
    """The benchmark cannot go on; the text is for the person at the terminal."""
