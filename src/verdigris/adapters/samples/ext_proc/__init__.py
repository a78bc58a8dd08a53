"""Copies of requests as Envoy's ext_proc filter sends them: the gRPC side, and one call's way to an Exchange."""
