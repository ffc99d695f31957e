"""The log of a job: its lines, its files, its hash chain, and their verification."""
