"""The web process: HTTP doors that call SQL functions and return their results; it never imports the engine."""
