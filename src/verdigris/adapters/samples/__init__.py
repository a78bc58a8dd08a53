"""Where copies of requests come from, and where samples are kept."""
