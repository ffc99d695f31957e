"""Injection files: what an uploaded file is, its lines, and the way of both into the database."""
