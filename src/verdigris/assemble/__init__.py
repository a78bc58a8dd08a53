"""The only place where sockets meet plugs."""
