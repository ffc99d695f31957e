"""The demonstration: the main job on servers of its own, told step by step, with its books compared at the end."""
