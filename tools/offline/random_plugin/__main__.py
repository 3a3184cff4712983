"""Serve the stand-in on a free loopback port and print that port, which is how the engine finds a plugin."""

import os
import sys
import time
from concurrent import futures

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from .servicer import STAND_IN, RandomUuidServicer

ENGINE_CHECK_INTERVAL = 0.5  # seconds


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(RandomUuidServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(STAND_IN, file=sys.stderr, flush=True)
    print(port, flush=True)
    engine = os.getppid()
    try:
        # The engine ends its plugins itself, unless it was killed.
        while os.getppid() == engine:
            time.sleep(ENGINE_CHECK_INTERVAL)
    except KeyboardInterrupt:
        pass
    server.stop(0)


if __name__ == "__main__":
    main()
