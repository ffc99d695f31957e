"""The doors: one HTTP contract per module."""
