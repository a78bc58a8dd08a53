"""Stores: what is remembered of a rollout. Every store keeps the contract in `verdigris.testing.stores`."""
