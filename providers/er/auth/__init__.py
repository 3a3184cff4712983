"""Signing in: how each kind of credentials authorises a request."""
