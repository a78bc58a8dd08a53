"""What adapters that keep things in an SQLite file share: one thread that touches it, and its errors in our words."""
