"""Plugs that carry what was measured to other systems: they push, nobody waits for them."""
