"""Serve the stand-in on a free loopback port and print that port, which is how the engine finds a plugin."""

import sys
from concurrent import futures
from threading import Event

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from .servicer import STAND_IN, RandomUuidServicer


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(RandomUuidServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(STAND_IN, file=sys.stderr, flush=True)
    print(port, flush=True)
    try:
        Event().wait()  # the engine ends its plugins itself
    except KeyboardInterrupt:
        server.stop(0)


if __name__ == "__main__":
    main()
