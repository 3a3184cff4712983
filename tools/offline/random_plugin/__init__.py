"""A stand-in for Pulumi's `random` plugin, for networks from which the real one cannot be downloaded.

It is put on PATH only beside a CLI that was built from Go modules (see tools/offline/pulumi_build.py), and it serves
the one resource this project declares. Files here import nothing but pulumi, grpc and protobuf: they are
copied into the cache beside the CLI and must work there, far from any checkout.
"""
