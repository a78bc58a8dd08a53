"""What Envoy's access log says of every request, received in batches over gRPC and parsed in one place."""
