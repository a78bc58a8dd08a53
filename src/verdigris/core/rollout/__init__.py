"""What a rollout does next: events in, decisions out. No I/O and no clock."""
