"""The doors: HTTP that calls SQL functions and hands on their answers; it knows nothing of the engine."""
