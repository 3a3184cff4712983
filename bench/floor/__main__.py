"""Run the project's own host with the floor's handler: same width, same servicer, no API."""

from bench.floor.handler import FloorHandler
from providers.host.__main__ import serve

if __name__ == "__main__":
    serve(FloorHandler())
