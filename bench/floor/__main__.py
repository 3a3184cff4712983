"""Run the project's own host with the floor's handler: same width, same servicer, no API."""

from bench.floor.handler import FloorHandler
from providers.host.__main__ import serve
from providers.host.session import Session
from providers.urn import FLOW_LOG_TYPE

if __name__ == "__main__":
    serve(Session(), {FLOW_LOG_TYPE: FloorHandler()})
