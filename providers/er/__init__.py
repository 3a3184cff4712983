"""Client of the Enterprise Router API of Open Telekom Cloud, as far as flow logs need it.

`Client` is the way in; `retry` describes when calls are repeated and how long they may take. Nothing here knows Pulumi.
"""

from providers.er.client import Client
from providers.er.deadline import Deadline
from providers.er.endpoints import Endpoints

__all__ = ["Client", "Deadline", "Endpoints"]
