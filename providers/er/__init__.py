"""Client of the Enterprise Router API of Open Telekom Cloud, as far as flow logs need it.

`Client` is the way in, and its docstring states the policy on retries and waiting. Nothing here knows Pulumi.
"""

from providers.er.client import Client
from providers.er.deadline import Deadline
from providers.er.endpoints import Endpoints

__all__ = ["Client", "Deadline", "Endpoints"]
