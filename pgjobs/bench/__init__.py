"""The benchmark: what the broker takes, what pgjobs makes of it, what others would make; side by side in one run.

`runner.py` tells the order; one module per measurement, each of which fills the book (`book.py`):
a ceiling, b live: `live.py` · c what people use instead: `comparisons.py` and the scripts in `others/` ·
d dry run against COPY: `selecting.py` · e injection: `injecting.py` · f latencies: `latency.py` ·
g growth: `growth.py` · h several jobs at once: `crowd.py` · i one job in shards: `sharding.py` ·
r views of the jobs page: `views.py`.
The machine is shared and noisy: what counts are ratios within one run, medians over alternating repetitions.
"""
