"""The engine: claims shards of jobs, streams their records to the broker, confirms, logs, checkpoints."""
