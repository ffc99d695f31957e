"""The jobs page: what people see of the jobs in a browser; it is read only."""
