"""The doors: one HTTP contract a module."""
