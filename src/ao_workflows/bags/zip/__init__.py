"""A strict reader of zip files by ranges: end records, central directory, local headers, entries.

It is the only zip parser of this package, so that no second one can understand the same bytes differently. Section
numbers in its docstrings are those of PKWARE's APPNOTE.TXT 6.3.
"""

from ao_workflows.bags.zip.directory import read_directory
from ao_workflows.bags.zip.model import DEFLATED, STORED, Directory, Entry, EntryRejected, ZipLimits, ZipRejected
from ao_workflows.bags.zip.reader import in_batches, read_entries

__all__ = [
    "DEFLATED",
    "STORED",
    "Directory",
    "Entry",
    "EntryRejected",
    "ZipLimits",
    "ZipRejected",
    "in_batches",
    "read_directory",
    "read_entries",
]
