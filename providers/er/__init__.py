"""Client of the Enterprise Router API of Open Telekom Cloud, and of its Log Tank Service, as far as flow logs need it.

`Client` is the way in, and `Record` is what flow logs write; `retry` describes when calls are repeated and how long
they may take. Nothing here knows Pulumi.
"""

from providers.er.client import Client
from providers.er.deadline import Deadline
from providers.er.endpoints import Endpoints
from providers.er.records import Record, RecordError

__all__ = ["Client", "Deadline", "Endpoints", "Record", "RecordError"]
