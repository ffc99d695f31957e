"""The after-action report of a job: one file of HTML that needs nothing else, and its JSON, which a hash proves."""
