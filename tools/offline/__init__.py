"""What exists only for networks from which the official Pulumi CLI and plugins cannot be downloaded."""
