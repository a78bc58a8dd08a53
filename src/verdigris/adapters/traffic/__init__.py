"""Traffic drivers: each brings one kind of data plane to a Split and reads back what is in force."""
