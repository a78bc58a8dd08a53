"""Looking at pairs."""
