"""What schemathesis has to know of this service; it loads this module itself."""

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format("job-type", st.sampled_from(["expired", "injection"]))
