"""A IIIF Presentation 3 manifest of a work: its image groups as ranges, its pages as canvases."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from ao_workflows.archive.web.volume_manifest import PageImage

CONTENT_TYPE = 'application/ld+json;profile="http://iiif.io/api/presentation/3/context.json"'
"""The media type that IIIF Presentation API 3.0, section 6.2, asks for."""

_CONTEXT = "http://iiif.io/api/presentation/3/context.json"


def iiif_manifest(rid: str, volumes: Mapping[str, Sequence[PageImage]], *, address: str, images: str) -> bytes:
    """Return the manifest of a work, as JSON.

    Labels are what the archive knows: the work's RID, the groups' names and the file names. The same images give the
    same bytes.

    :param volumes: the images of each image group, by the group's name.
    :param address: the ``https://`` address at which the manifest is found.
    :param images: the address below which the image groups are found, without ``/`` at its end.
    """
    canvases, ranges = [], []
    for group, pages in sorted(volumes.items()):
        own = [
            _canvas(page, place=f"{address}/canvas/{_part(group)}/{number}", image=f"{images}/{_part(group)}")
            for number, page in enumerate(sorted(pages, key=lambda page: page.filename), 1)
        ]
        canvases += own
        ranges.append(_range(group, own, place=f"{address}/range/{_part(group)}"))
    document = {
        "@context": _CONTEXT,
        "id": address,
        "type": "Manifest",
        "label": _label(rid),
        "behavior": ["paged"],
        "items": canvases,
        "structures": ranges,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")


def _canvas(page: PageImage, *, place: str, image: str) -> dict[str, Any]:
    body = {
        "id": f"{image}/{_part(page.filename)}",
        "type": "Image",
        "format": page.media_type,
        "width": page.width,
        "height": page.height,
    }
    painting = {
        "id": f"{place}/painting",
        "type": "Annotation",
        "motivation": "painting",
        "body": body,
        "target": place,
    }
    return {
        "id": place,
        "type": "Canvas",
        "label": _label(page.filename),
        "width": page.width,
        "height": page.height,
        "items": [{"id": f"{place}/page", "type": "AnnotationPage", "items": [painting]}],
    }


def _range(group: str, canvases: Iterable[Mapping[str, Any]], *, place: str) -> dict[str, Any]:
    items = [{"id": canvas["id"], "type": "Canvas"} for canvas in canvases]
    return {"id": place, "type": "Range", "label": _label(group), "items": items}


def _label(text: str) -> dict[str, list[str]]:
    return {"none": [text]}


def _part(name: str) -> str:
    return quote(name.encode("utf-8", "surrogateescape"), safe="")
