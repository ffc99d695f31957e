"""`pgjobs torture`: daemons, jobs and a seeded schedule of faults; then every message is accounted for."""
