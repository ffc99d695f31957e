"""PostgreSQL: connections and what they state, the schema, and migrations."""
