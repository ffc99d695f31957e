"""Private servers, a proxy and sample data, for demo, tests, torture and benchmark; production needs none of it."""
