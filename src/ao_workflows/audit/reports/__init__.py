"""Reports of an audit as files: one module for each format."""
