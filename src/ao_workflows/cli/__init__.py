"""The command line ``ao``: one module for each group of commands. JSON goes to standard output, all else to error."""
