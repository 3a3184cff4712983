"""The HTTP API of the Pulumi Cloud, as far as the CLI needs it for stacks and their state: test equipment.

It keeps what it has acknowledged, whenever it is killed. `serve` runs it in a thread; `python -m tests.pulumi_service`
is a process to kill. Facts about the API are from the CLI's own client (pkg/backend/httpstate of pulumi 3.259).
"""

from tests.pulumi_service.server import Service, serve
from tests.pulumi_service.store import Behaviour

__all__ = ["Behaviour", "Service", "serve"]
