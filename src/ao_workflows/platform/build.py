"""Building the images: a folder with exactly what they need is assembled, and Docker builds them from it."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ao_workflows import __version__
from ao_workflows.errors import UsageError
from ao_workflows.platform import docker
from ao_workflows.platform.checkout import Checkout
from ao_workflows.platform.requirements import merge_requirements
from ao_workflows.platform.site import SiteParts

IMAGE = "bdrc-airflow"
"""The image that runs everything, and the target of the Dockerfile that makes it."""

DEMO_SUFFIX = "-demo"
"""What the name of the demo's image has in addition."""

_PART = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_TAG = re.compile(rf"(?:{_PART}(?::[0-9]+)?/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?")


@dataclass(frozen=True, slots=True)
class Images:
    """The names of the images that belong together."""

    airflow: str
    demo: str


def image_names(tag: str) -> Images:
    """Return the names for ``tag``, such as ``bdrc-airflow`` or ``bdrc-airflow:2026.11``.

    :raises UsageError: if it is no image's name.
    """
    name, _, version = tag.rpartition(":") if ":" in tag.rpartition("/")[2] else (tag, "", "latest")
    if not _TAG.fullmatch(tag):
        raise UsageError(
            f"{tag!r} cannot be the name of an image.",
            action="Write a name in lower case, and a tag if you like: bdrc-airflow:2026.11.",
        )
    return Images(f"{name}:{version}", f"{name}{DEMO_SUFFIX}:{version}")


def assemble(checkout: Checkout, site: SiteParts, context: Path) -> None:
    """Lay everything that the images are built from into the empty folder ``context``.

    :raises UsageError: if the site's parts contradict ours. :raises OSError: if the disk fails.
    """
    shutil.copy2(checkout.docker / "Dockerfile", context)
    for name in ("image", "image-demo"):
        shutil.copytree(checkout.docker / name, context / name)
    project = context / "project"
    project.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(checkout.root / name, project)
    shutil.copytree(checkout.root / "src", project / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    requirements = context / "requirements"
    requirements.mkdir()
    for name in ("uv", "build", "demo", "platform"):
        shutil.copy2(checkout.lock(name), requirements)
    merge_requirements(checkout.lock("platform"), site.requirements, requirements / "packages.txt")
    for name in ("bin", "packages"):
        (context / "site" / name).mkdir(parents=True)
    for name, path in site.scripts:
        shutil.copyfile(path, context / "site" / "bin" / name)
        (context / "site" / "bin" / name).chmod(0o755)
    for path in site.packages:
        shutil.copy2(path, context / "site" / "packages")


@contextmanager
def assembled(checkout: Checkout, site: SiteParts) -> Iterator[Path]:
    """Yield a folder, outside every checkout, in which everything is assembled; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="ao-build-") as folder:
        assemble(checkout, site, Path(folder))
        yield Path(folder)


def build_images(context: Path, names: Images, *, revision: str, base_image: str | None = None) -> None:
    """Let Docker build both images from an assembled folder, in view of the operator.

    :param base_image: another base than that of the Dockerfile.
    :raises DockerFailed: if it cannot.
    """
    for target, name in ((IMAGE, names.airflow), (f"{IMAGE}{DEMO_SUFFIX}", names.demo)):
        arguments = {"VERSION": __version__, "REVISION": revision} if target == IMAGE else {}
        if base_image:
            arguments["BASE_IMAGE"] = base_image
        options = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
        docker.run(["build", "--target", target, "--tag", name, *options, str(context)])
