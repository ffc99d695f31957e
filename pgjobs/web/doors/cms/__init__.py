"""The door of the CMS: the links of the seed, and the same service for a CMS that speaks HTTP only."""
