"""Directed torture: one kind of fault at a time, many times, with the numbers each of them has to keep."""
