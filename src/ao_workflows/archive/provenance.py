"""Where the provenance of a work that comes again goes: beside what the archive has, never over it.

The manifests and tag files in ``{RID}.bag/`` prove what one delivery held. Another delivery of the work brings others
under the same names. What is above the folders ``{RID}.bag/bag-2``, ``bag-3``, … is one set of such files, and so is
each of these folders. A set that would meet a file with other content goes, as a whole, into the next free folder of
that kind; a set that the archive holds already stays where it is.
"""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from ao_workflows.archive.tree import Tree, parents

_NUMBERED = re.compile(r"bag-[0-9]+")

Same = Callable[[str, str], bool]
"""Tells whether a file of the work (the first path) is what the archive has under the second path."""


def relocate(source: Tree, archived: Tree, *, folder: str, same: Same) -> tuple[Tree, dict[str, str]]:
    """Find a place for each set of provenance of a work that the archive has already.

    :param folder: the folder with the provenance, ``{RID}.bag``.
    :returns: ``source`` under the paths that it gets in the archive copy, and the path in the work of each file that
        goes elsewhere, by its path in the archive copy.
    """
    sets: dict[str, set[str]] = {}
    for path in source.files:
        if path.startswith(f"{folder}/"):
            home = _home(path, folder)
            sets.setdefault(home, set()).add(path[len(home) + 1 :])
    places: dict[str, str] = {}
    # The set above the numbered folders comes first.
    for home in sorted(sets):
        taken = set(places.values())
        reserved = taken | (sets.keys() - places.keys())
        fits = _fits(home, sets[home], archived, same=same)
        places[home] = _place(home, sets[home], archived, folder=folder, fits=fits, taken=taken, reserved=reserved)
    if all(home == place for home, place in places.items()):
        return source, {}

    def moved(path: str, home: str) -> str:
        return f"{places[home]}{path[len(home) :]}" if home in places else path

    files, origins = {}, {}
    for path, state in source.files.items():
        target = moved(path, _home(path, folder))
        files[target] = state
        if target != path:
            origins[target] = path
    folders = {moved(path, _home(f"{path}/", folder)): time for path, time in source.folders.items()}
    # Whatever was moved out of it, the folder of them all stays.
    folders[folder] = source.folders[folder]
    return Tree(dict(sorted(files.items())), folders, source.others, source.litter), origins


def _place(
    home: str,
    names: AbstractSet[str],
    archived: Tree,
    *,
    folder: str,
    fits: Callable[[str], bool],
    taken: AbstractSet[str],
    reserved: AbstractSet[str],
) -> str:
    """Return the folder for one set: its own, one that holds it already (or a part of it), or the next free one.

    :param names: the set's files, relative to ``home``.
    :param taken: folders that other sets of the work have been given.
    :param reserved: these, and the folders that other sets have in the work.
    """
    if home not in taken and fits(home):
        return home
    numbered = {_home(f"{path}/", folder) for path in archived.folders} - {"", folder}
    for place in sorted(numbered):
        there = {path[len(place) + 1 :] for path in archived.files if path.startswith(f"{place}/")}
        # A sync that was killed may have left a part of the set there.
        usable = place not in taken if there >= names else there <= names and place not in reserved
        if usable and fits(place):
            return place
    number = 2
    used = {*archived.files, *archived.folders, *archived.others, *reserved}
    while f"{folder}/bag-{number}" in used:
        number += 1
    return f"{folder}/bag-{number}"


def _fits(home: str, names: AbstractSet[str], archived: Tree, *, same: Same) -> Callable[[str], bool]:
    """Return what tells whether a set would replace nothing in a folder of the archive copy."""
    return lambda place: not any(_meets(f"{home}/{name}", f"{place}/{name}", archived, same) for name in names)


def _meets(path: str, target: str, archived: Tree, same: Same) -> bool:
    """Tell whether the file ``path`` of the work would replace something else at ``target``."""
    if target in archived.files:
        return not same(path, target)
    if target in archived.folders or target in archived.others:
        return True
    return any(folder in archived.files for folder in parents(target))


def _home(path: str, folder: str) -> str:
    """Return the folder of the set that ``path`` belongs to, or "" if it is not in ``folder``.

    :param path: a file, or a folder with a ``/`` at its end.
    """
    if not path.startswith(f"{folder}/"):
        return ""
    first, below, _ = path[len(folder) + 1 :].partition("/")
    return f"{folder}/{first}" if below and _NUMBERED.fullmatch(first) else folder
