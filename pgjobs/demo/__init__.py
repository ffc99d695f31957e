"""The demonstration: the main job on servers of its own, told step by step, with its accounts compared at the end."""
