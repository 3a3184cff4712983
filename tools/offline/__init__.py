"""What exists only for networks from which the official Pulumi CLI and its plugins cannot be downloaded.

The rest of the tool chain uses the functions below and nothing else of this package.
"""

from tools.offline.plugin_home import environment
from tools.offline.pulumi_build import build, build_folder

__all__ = ["build", "build_folder", "environment"]
