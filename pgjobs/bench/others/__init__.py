"""What people would use instead: small scripts, written as one would write them without pgjobs."""
