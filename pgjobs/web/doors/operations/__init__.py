"""The door of operation jobs, below /north/v80: what each of its modules does stands in its README.md."""
