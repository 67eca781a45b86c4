"""What a zip holds: bags, or plain works, and nothing else.

A bag is a top-level folder with ``bagit.txt`` in it, or the zip itself. What lies deeper is payload, whatever its name:
a work carries the bags that it came from as provenance.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from ao_workflows.bags.findings import FindingLog
from ao_workflows.bags.text import quoted, shown
from ao_workflows.bags.zip import Entry
from ao_workflows.errors import Finding
from ao_workflows.works import InvalidRid, Rid, detect_layout, is_litter, parse_rid

_SHOWN = 10  # names in a message
BAG_SUFFIX = ".bag"
_DECLARATION = "bagit.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One bag or one plain work in a zip.

    :param name: its top folder, or the zip's own name without suffixes.
    :param prefix: what its entries' names begin with: ``W22084.bag/``, or nothing for the zip itself.
    :param entries: those that belong to it, by offset, without what operating systems left at the top.
    """

    name: str
    rid: Rid
    prefix: str
    is_bag: bool
    entries: tuple[Entry, ...]

    def path_of(self, entry: Entry) -> str:
        """Return the entry's path in the bag or the work; empty for its own folder."""
        # Asked for again and again, and named by manifests, too: of hundreds of thousands, one copy each.
        return sys.intern(entry.name[len(self.prefix) :])


@dataclass(frozen=True, slots=True)
class Contents:
    """The members of a zip, with what is wrong or odd about the whole."""

    members: tuple[Member, ...]
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


def find_contents(entries: Iterable[Entry], zip_name: str) -> Contents:
    """Tell what the entries of a zip are.

    :param zip_name: the zip's file name or key: a bag that has no folder of its own is named after it.
    """
    tops: dict[str, list[Entry]] = {}
    warnings = []
    for entry in entries:
        top = entry.name.partition("/")[0]
        if is_litter(top):
            if top not in tops:
                warnings.append(_skipped(top))
            tops.setdefault(top, [])
        else:
            tops.setdefault(top, []).append(entry)
    tops = {top: members for top, members in tops.items() if members}
    errors = FindingLog()
    if any(entry.name == _DECLARATION for entry in tops.get(_DECLARATION, ())):
        everything = sorted((entry for members in tops.values() for entry in members), key=lambda entry: entry.offset)
        name = zip_name.rpartition("/")[2].partition(".")[0]
        members = [_member(name, "", everything, errors, is_bag=True)]
    else:
        members = _members(tops, errors)
    found = tuple(member for member in members if member is not None)
    by_rid: dict[str, str] = {}
    for member in found:
        other = by_rid.setdefault(member.rid.lower(), member.name)
        if other != member.name:
            message = f"{quoted(member.name)} and {quoted(other)} would both become the work {member.rid}."
            errors.add(Finding(code="rid-repeated", path=shown(member.name), message=message))
    return Contents(found, errors.as_tuple(), tuple(warnings))


def _members(tops: dict[str, list[Entry]], errors: FindingLog) -> list[Member | None]:
    bags = [top for top, members in tops.items() if any(entry.name == f"{top}/{_DECLARATION}" for entry in members)]
    works = [] if bags else [top for top, members in tops.items() if _is_work(top, members)]
    if not bags and not works:
        found = ", ".join(quoted(top) for top in sorted(tops)[:_SHOWN]) or "nothing"
        more = f" and {len(tops) - _SHOWN} more" if len(tops) > _SHOWN else ""
        message = (
            "there is no bag (a top folder with bagit.txt in it) and no work (a top folder named by its RID, with "
            f"images/ or archive/ in it) in the zip. At its top there is: {found}{more}."
        )
        errors.add(Finding(code="zip-nothing-known", path="", message=message))
        return []
    kind = "bag" if bags else "work"
    for top in sorted(set(tops) - set(bags) - set(works)):
        message = f"{quoted(top)} at the top of the zip belongs to no {kind}."
        errors.add(Finding(code="zip-stray-content", path=shown(top), message=message))
    return [_member(top, f"{top}/", tops[top], errors, is_bag=bool(bags)) for top in bags or works]


def _member(name: str, prefix: str, entries: list[Entry], errors: FindingLog, *, is_bag: bool) -> Member | None:
    try:
        rid = parse_rid(name.removesuffix(BAG_SUFFIX) if is_bag else name)
    except InvalidRid as error:
        errors.add(Finding(code=error.code, path=shown(name), message=error.message))
        return None
    return Member(name=name, rid=rid, prefix=prefix, is_bag=is_bag, entries=tuple(entries))


def _is_work(top: str, entries: list[Entry]) -> bool:
    """Tell whether a top folder is a work by its name and the names of the folders in it."""
    try:
        parse_rid(top)
    except InvalidRid:
        return False
    folders: dict[str, set[str]] = {}
    for entry in entries:
        # The last part is a file's name, or empty for a folder.
        match entry.name.split("/")[1:-1]:
            case [folder]:
                folders.setdefault(folder, set())
            case [folder, inner, *_]:
                folders.setdefault(folder, set()).add(inner)
    return detect_layout(folders) is not None


def _skipped(top: str) -> Finding:
    message = f"{quoted(top)} was left in the zip by an operating system, and is skipped."
    return Finding(code="os-litter", path=shown(top), message=message)
