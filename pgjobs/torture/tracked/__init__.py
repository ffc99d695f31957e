"""Tracked jobs under torture: their types and agents, a go-between that spoils answers, and the book that judges."""
