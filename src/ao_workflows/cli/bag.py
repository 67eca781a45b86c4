"""``ao bag``: open, check and make bag zips."""

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ao_workflows import bags
from ao_workflows.access import bucket_store
from ao_workflows.bags import BagRejected, SourceReport
from ao_workflows.cli.output import (
    JsonOption,
    print_json,
    progress_bytes,
    say,
    say_findings,
    settings_with_logs,
    show_error,
)
from ao_workflows.errors import ExitCode, SystemFailed
from ao_workflows.settings import Settings
from ao_workflows.storage import S3_SCHEME, ObjectGone, Source, bucket_and_key, open_source
from ao_workflows.units import size_text

app = typer.Typer(help="Bags (BagIt, RFC 8493) in zips: verify, unpack, create.", no_args_is_help=True)

SourceArgument = Annotated[
    str,
    typer.Argument(help="A bag zip or zip: a path or s3://bucket/key[?versionId=…].", metavar="SOURCE"),
]


JobsOption = Annotated[
    int | None,
    typer.Option(
        "--jobs", min=1, max=64, help="How many threads read and check; by default one a core, from S3 at least four."
    ),
]


@app.command()
def verify(source: SourceArgument, jobs: JobsOption = None, as_json: JsonOption = False) -> None:
    """Check every bag in SOURCE (a zip, or an unpacked bag folder), every byte of it; write nothing.

    Exit code 0 when all is valid, 1 when something is not; all problems are reported, not only the first.

    Example: ao bag verify s3://my-bucket/Archive0/00/W1AC6/W1AC6.bag.zip
    """
    settings = settings_with_logs()
    if not source.startswith(S3_SCHEME) and Path(source).is_dir():
        with progress_bytes("verifying", bags.folder_bytes(Path(source))) as progress:
            report = bags.verify_folder(Path(source), progress=progress, threads=jobs)
    else:
        opened = _open(source, settings)
        with progress_bytes("verifying", opened.size) as progress:
            report = bags.verify(opened, progress=progress, threads=jobs)
    if as_json:
        print_json(report.as_dict())
    else:
        _show(report)
    if not report.valid:
        raise typer.Exit(ExitCode.REJECTED)


@app.command()
def unpack(
    source: SourceArgument,
    destination: Annotated[Path, typer.Argument(help="Where the works go: DEST/{RID}.", metavar="DEST")],
    jobs: JobsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Unpack the works in SOURCE, every byte verified in the same pass; a bad bag leaves nothing behind.

    Killed and started again, it keeps what is verified and reads only the rest.

    Example: ao bag unpack W22084.bag.zip /mnt/scratch
    """
    settings = settings_with_logs()
    try:
        plan = bags.read_plan(_open(source, settings))
        with progress_bytes("unpacking", plan.bytes) as progress:
            result = bags.unpack(plan, destination, progress=progress, threads=jobs)
    except BagRejected as rejection:
        _rejected(rejection, as_json=as_json)
    if as_json:
        print_json(result.as_dict())
        return
    _show(result.report)
    for work in result.works:
        say(f"{work.rid}: {work.files} files, {size_text(work.bytes)}, verified, in {work.path}")


@app.command()
def create(
    works: Annotated[
        list[str],
        typer.Argument(help="Folders of works, then the zip: a path or s3://bucket/key.", metavar="WORK TARGET"),
    ],
    algorithm: Annotated[
        list[str] | None, typer.Option(help="A checksum algorithm of the manifests; may be repeated.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make one bag zip of one or more works, in one read of their files; in a bucket, without a copy on the disk.

    Example: ao bag create W22084 W1AC6 two-works.bag.zip
    """
    settings = settings_with_logs()
    *sources, target = works
    if not sources:
        raise typer.BadParameter("name at least one work, and the zip to make.")
    place: Path | bags.ObjectTarget = Path(target)
    if target.startswith(S3_SCHEME):
        bucket, key = bucket_and_key(target)
        place = bags.ObjectTarget(bucket_store(settings, bucket), key)
    with progress_bytes("bagging", None) as progress:
        result = bags.create(
            [Path(source) for source in sources],
            place,
            algorithms=tuple(algorithm or ("sha512",)),
            progress=progress,
        )
    if as_json:
        print_json(result.as_dict())
    else:
        works_made = "1 work" if len(result.works) == 1 else f"{len(result.works)} works"
        say(f"{result.target}: {works_made}, {result.files} files, {size_text(result.bytes)}.")


def _open(source: str, settings: Settings) -> Source:
    try:
        return open_source(source, lambda bucket: bucket_store(settings, bucket))
    except ObjectGone as error:
        # A path that names nothing says nothing about content; exit code 1 would.
        raise SystemFailed(error.message, action="Check the path or address.", code=error.code) from error


def _show(report: SourceReport) -> None:
    say_findings(report.errors, style="red")
    say_findings(report.warnings, style="yellow")
    for bag in report.bags:
        state = "not valid" if bag.errors else "valid"
        style = "red" if bag.errors else "green"
        say(f"{bag.name}: {state} (BagIt {bag.version}, {bag.files} files, {size_text(bag.bytes)})", style=style)
        say_findings(bag.errors, style="red")
        say_findings(bag.warnings, style="yellow")


def _rejected(rejection: BagRejected, *, as_json: bool) -> NoReturn:
    """Say everything that is wrong with a source that was not unpacked."""
    if as_json:
        document: dict[str, Any] = {**rejection.report.as_dict(), "works": []}
        print_json(document)
    else:
        _show(rejection.report)
        show_error(rejection)
    raise typer.Exit(ExitCode.REJECTED)
