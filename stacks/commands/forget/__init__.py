"""`make forget`: a stack stops managing flow logs, which stay in the cloud."""
