"""``python -m ao_workflows.demo``: what ``make demo``, ``make airflow``, ``make deliver`` and the profile dev run."""

import io
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from ao_workflows.demo.job import run_demo
from ao_workflows.demo.live import run_live, send_delivery
from ao_workflows.demo.serve import serve_platform
from ao_workflows.errors import AoError

app = typer.Typer(help="The demo of ao-workflows.", no_args_is_help=True, add_completion=False)

Folder = Annotated[Path, typer.Option(help="The demo's folder; what an earlier demo left in it is removed.")]
DEMO = Path(".demo")


@app.command()
def run(folder: Folder = DEMO) -> None:
    """Run the whole job once: four deliveries, the real DAGs, a report."""
    raise typer.Exit(run_demo(folder, Console(soft_wrap=True)))


@app.command()
def airflow(folder: Folder = DEMO) -> None:
    """Start Airflow with its web UI and the stand-in, until Ctrl-C."""
    run_live(folder, Console(soft_wrap=True))


@app.command()
def deliver(
    folder: Folder = DEMO,
    corrupt: Annotated[bool, typer.Option("--corrupt", help="Flip one byte.")] = False,
    pages: Annotated[int, typer.Option(min=2, help="How many pages the work has.")] = 6,
) -> None:
    """Send a delivery to the running Airflow."""
    delivery = send_delivery(folder, corrupt=corrupt, pages=pages)
    Console(soft_wrap=True).print(f"Delivered {delivery.key}; its restore is complete.", markup=False, highlight=False)


@app.command()
def serve(
    drop_folder: Annotated[Path, typer.Option(help="Where the dropped sample goes.")],
    folder: Folder = DEMO,
    host: Annotated[str, typer.Option(help="The name by which the others reach this machine.")] = "aws",
) -> None:
    """Serve the stand-in to the other containers of a platform, with the sample deliveries, until it is ended."""
    serve_platform(folder, drop_folder=drop_folder, host=host, console=Console(soft_wrap=True))


def main() -> None:
    """Run the command; end with an exit code of the command line."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that has no bullet gets a question mark
    # Everything that the demo talks to is on this machine; a proxy must not be asked for it.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))
    try:
        app()
    except AoError as error:
        sys.stderr.write(f"error: {error.message}\nnext step: {error.action}\n")
        sys.exit(error.exit_code)


def _interrupt(number: int, frame: Any) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
