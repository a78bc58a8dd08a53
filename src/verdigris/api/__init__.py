"""The public API over HTTP. It reads state, event log and explain(), passes on people's words, and computes nothing."""
