"""The pictures of a report: each image that a finding is about, between its neighbours; and what stands out."""

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from ao_workflows.audit.findings import AuditFinding
from ao_workflows.audit.images.gallery import image_names
from ao_workflows.audit.reports.thumbnails import Thumbnails
from ao_workflows.errors import AoError
from ao_workflows.log import visible
from ao_workflows.works import read_structure

MOST_WITH_PICTURES = 200
"""Findings that are shown with pictures: a page of some megabytes."""

MOST_OUTLIERS = 100
"""Images that are shown as standing out, of all groups together."""

OUTLIERS = frozenset({140, 141, 142, 150, 151})
"""Error numbers of images that are unlike the others of their group, or that look like another one."""


class Pictures:
    """Pictures for the findings about one work.

    :param work: its folder; if it is none of a work, there are no pictures.
    """

    def __init__(self, work: Path, findings: Sequence[AuditFinding]) -> None:
        self._thumbnails = Thumbnails(work)
        self._names = _names_by_group(work)
        about = [finding for finding in findings if self._is_image(finding.path)]
        self._unusual = {finding.path for finding in about}
        self._left = MOST_WITH_PICTURES
        self._outliers: dict[str, list[str]] = {}
        outliers = dict.fromkeys(finding.path for finding in about if finding.error in OUTLIERS)
        for path in list(outliers)[:MOST_OUTLIERS]:
            self._outliers.setdefault(path.rpartition("/")[0], []).append(path)

    def beside(self, finding: AuditFinding) -> str:
        """Return the image that ``finding`` is about, between its neighbours; nothing if it is about none."""
        if finding.path not in self._unusual or not self._left:
            return ""
        self._left -= 1
        group, _, name = finding.path.rpartition("/")
        names = self._names[group]
        place = names.index(name)
        around = names[max(0, place - 1) : place + 2]
        figures = "".join(self._figure(f"{group}/{each}", concerned=each == name) for each in around)
        return f'<div class="pictures">{figures}</div>'

    def sheets(self) -> Iterator[str]:
        """Yield for each group the images that stand out, beside a usual one."""
        if self._outliers:
            yield "<section><h2>What stands out</h2>\n"
            for group, paths in self._outliers.items():
                usual = next(
                    (path for name in self._names[group] if (path := f"{group}/{name}") not in self._unusual), None
                )
                figures = [self._figure(path, concerned=True) for path in paths]
                if usual is not None:
                    figures.insert(0, self._figure(usual, concerned=False, note="a usual one: "))
                yield f'<h3>{_text(group)}</h3>\n<div class="pictures">{"".join(figures)}</div>\n'
            yield "</section>\n"

    def _is_image(self, path: str) -> bool:
        group, _, name = path.rpartition("/")
        return name in self._names.get(group, ())

    def _figure(self, path: str, *, concerned: bool, note: str = "") -> str:
        name = _text(path.rpartition("/")[2])
        picture = self._thumbnails.of(path)
        inner = (
            f'<img src="{picture}" alt="{note}{name}">'
            if picture is not None
            else '<span class="no-picture">no picture: cannot be unpacked</span>'
        )
        kind = ' class="concerned"' if concerned else ""
        return f"<figure{kind}>{inner}<figcaption>{note}{name}</figcaption></figure>"


def _names_by_group(work: Path) -> dict[str, list[str]]:
    """Return the names of the images in each group, by the group's path in the work."""
    try:
        groups = [group.path for group in read_structure(work).groups if not group.path.is_symlink()]
        return {group.relative_to(work).as_posix(): image_names(group) for group in groups}
    except (AoError, OSError):
        return {}  # the report says itself that the folder is no work, or cannot be read


def _text(value: str) -> str:
    return html.escape(visible(value))
