"""What is counted for Prometheus and OpenTelemetry. Everything here is bounded, and nothing of it decides anything."""
