"""What several tests need: real processes that are started, waited for and ended."""
