"""The demo: the whole job on one machine, with sample works and a stand-in for AWS in place of an account."""
