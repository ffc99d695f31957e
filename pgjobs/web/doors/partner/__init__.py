"""The partner door: jobs submitted by partners and asked for by their GUID, in the envelope of the CINX gateway."""
