"""Keeps what is in force equal to what was decided. Knows sockets, never plugs; decides nothing itself."""
