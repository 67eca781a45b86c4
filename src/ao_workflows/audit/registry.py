"""Which audit tests there are, and choosing among them by key."""

import functools
from collections.abc import Mapping, Sequence

from ao_workflows.audit.checks.archive_format import ArchiveFormat
from ao_workflows.audit.checks.blank_or_duplicate_pages import BlankOrDuplicatePages
from ao_workflows.audit.checks.exif_archive_test import EXIFArchiveTest
from ao_workflows.audit.checks.exif_archive_thumbnail import EXIFArchiveThumbnail
from ao_workflows.audit.checks.exif_image_test import EXIFImageTest
from ao_workflows.audit.checks.exif_image_thumbnail import EXIFImageThumbnail
from ao_workflows.audit.checks.file_sequence import FileSequence
from ao_workflows.audit.checks.file_size_tests import FileSizeTests
from ao_workflows.audit.checks.image_consistency import ImageConsistency
from ao_workflows.audit.checks.image_file_name_format import ImageFileNameFormat
from ao_workflows.audit.checks.image_integrity import ImageIntegrity
from ao_workflows.audit.checks.image_pairing import ImagePairing
from ao_workflows.audit.checks.name_hygiene import NameHygiene
from ao_workflows.audit.checks.no_files_in_folder import NoFilesInFolder
from ao_workflows.audit.checks.no_folders_in_image_groups import NoFoldersInImageGroups
from ao_workflows.audit.checks.web_image_attributes import WebImageAttributes
from ao_workflows.audit.contract import AuditTest
from ao_workflows.audit.properties import unknown
from ao_workflows.audit.site_tests import site_tests


@functools.cache
def audit_tests() -> Mapping[str, AuditTest]:
    """Return every audit test by its key, in the order in which they run; those of the site are the last.

    :raises SystemFailed: (``audit-test-broken``) if one that the site has installed cannot be used.
    """
    tests: list[AuditTest] = [
        NoFilesInFolder(),
        NoFoldersInImageGroups(),
        FileSequence(),
        ImageIntegrity(),
        ImageFileNameFormat(),
        FileSizeTests(),
        WebImageAttributes(),
        EXIFArchiveTest(),
        EXIFImageTest(),
        EXIFArchiveThumbnail(),
        EXIFImageThumbnail(),
        ImagePairing(),
        ImageConsistency(),
        BlankOrDuplicatePages(),
        ArchiveFormat(),
        NameHygiene(),
    ]
    return {test.key: test for test in [*tests, *site_tests(tests)]}


def select_tests(keys: Sequence[str] | None) -> list[AuditTest]:
    """Return the tests of these keys, each once, in the order given; all tests if ``keys`` is ``None``.

    :raises UsageError: for a key that no test has, with the nearest one that there is.
    """
    known = audit_tests()
    if keys is None:
        return list(known.values())
    for key in keys:
        if key not in known:
            raise unknown(key, known, what="an audit test")
    return [known[key] for key in dict.fromkeys(keys)]
