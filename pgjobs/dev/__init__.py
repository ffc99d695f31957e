"""What developers and the demo need and production does not: private servers, sample data, benchmarks."""
