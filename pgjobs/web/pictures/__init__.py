"""Pictures of a job's life, drawn as SVG from what SQL has computed: pure functions, no I/O."""
