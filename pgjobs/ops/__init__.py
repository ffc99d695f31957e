"""Commands for operators: doctor, watch, tokens."""
