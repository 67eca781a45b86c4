"""ao-workflows: digitised works from S3 Glacier back into an archive, verified."""

__version__ = "0.1.0"
