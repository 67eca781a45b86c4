"""Calling ``docker compose`` for one deployment, and what it tells of the services."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from ao_workflows.errors import SystemFailed, UsageError
from ao_workflows.platform import docker
from ao_workflows.platform.deployment import Deployment

_POLL_SECONDS = 2.0
CELERY = "celery"
CELERY_SERVICES = ("worker", "redis")
"""The profile of the CeleryExecutor, and its services in the order in which they are to end."""

ONE_SHOT = "init"
"""The service that runs to its end before the others start."""


@dataclass(frozen=True, slots=True)
class Service:
    """One container of the stack.

    :param state: as Docker says it: running, exited, restarting …
    :param health: healthy, unhealthy, starting; empty where nothing is checked.
    """

    name: str
    container: str
    state: str
    health: str
    exit_code: int
    image: str

    @property
    def is_good(self) -> bool:
        """Whether it is as it should be in a running stack."""
        if self.name == ONE_SHOT:
            return self.state == "exited" and self.exit_code == 0
        return self.state == "running" and self.health in {"healthy", ""}

    def as_dict(self) -> dict[str, object]:
        """The service as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Stack:
    """The services of a deployment."""

    deployment: Deployment

    def run(self, *words: str) -> None:
        """Run ``docker compose`` in view of the operator. :raises DockerFailed: if it fails."""
        docker.run(self.words(*words), environment=self.environment())

    def ask(self, *words: str, stdin: "IO[bytes] | None" = None) -> str:
        """Return what ``docker compose`` answers. :raises DockerFailed: if it fails."""
        return docker.ask(self.words(*words), stdin=stdin, environment=self.environment())

    def save(self, target: Path, *words: str) -> None:
        """Let what ``docker compose`` prints become a file. :raises DockerFailed: if it fails."""
        docker.save(self.words(*words), target, environment=self.environment())

    def replace_process(self, *words: str) -> None:
        """Become ``docker compose``: for what goes on until the operator ends it."""
        command = ["docker", *self.words(*words)]
        os.execvpe("docker", command, self.environment())  # noqa: S606  # by list; the operator's docker

    def services(self) -> list[Service]:
        """Return the containers there are, by service. :raises DockerFailed: if Docker does not answer."""
        found = docker.json_lines(self.ask("ps", "--all", "--format", "json"))
        services = [
            Service(
                name=str(each["Service"]),
                container=str(each["Name"]),
                state=str(each["State"]),
                health=str(each.get("Health") or ""),
                exit_code=int(each.get("ExitCode") or 0),
                image=str(each.get("Image") or ""),
            )
            for each in found
        ]
        return sorted(services, key=lambda service: service.container)

    def foreign_folder(self) -> str:
        """Return another directory whose containers have this deployment's project name, empty if there is none.

        :raises DockerFailed: if Docker does not answer.
        """
        label = "com.docker.compose.project"
        form = f'{{{{.Label "{label}.working_dir"}}}}'
        words = ["ps", "--all", "--filter", f"label={label}={self.deployment.project}", "--format", form]
        found = filter(None, docker.ask(words).split("\n"))
        return next((folder for folder in found if os.path.realpath(folder) != str(self.deployment.root)), "")

    def refuse_foreign(self) -> None:
        """Make sure that what is done here is done to this stack. :raises UsageError: if another has its name."""
        if foreign := self.foreign_folder():
            raise UsageError(
                f"The stack in {foreign} has the project name of this one, too: {self.deployment.project}.",
                action=f"Set COMPOSE_PROJECT_NAME in {self.deployment.env_file} to a name of its own.",
                code="project-name-taken",
            )

    def start(self, *profiles: str) -> None:
        """Start what is not running, with ``profiles`` beside those of ``.env``; end the workers of another executor.

        :raises DockerFailed: if it fails.
        """
        if CELERY not in self.profiles():
            # Compose takes the services of a profile that is not in use for none of its business.
            running = {service.name for service in self.services()}
            if left := [name for name in CELERY_SERVICES if name in running]:
                self.run("--profile", CELERY, "rm", "--stop", "--force", *left)
        options = [word for profile in profiles for word in ("--profile", profile)]
        self.run(*options, "up", "--detach", "--remove-orphans")

    def profiles(self) -> list[str]:
        """Return the profiles that ``.env`` puts in use."""
        return [profile for profile in self.deployment.env().get("COMPOSE_PROFILES", "").split(",") if profile]

    def wait_until_healthy(
        self, *profiles: str, seconds: float, tell: Callable[[Sequence[Service]], None]
    ) -> list[Service]:
        """Wait until every service in use is as it should be; ``tell`` is called with what is awaited as it changes.

        :raises SystemFailed: (``platform-unhealthy``) naming those that are not by then.
        """
        deadline = time.monotonic() + seconds
        told: list[tuple[str, str]] = []
        options = [word for profile in profiles for word in ("--profile", profile)]
        wanted = set(self.ask(*options, "config", "--services").split())
        while True:
            services = [service for service in self.services() if service.name in wanted]
            waiting = [service for service in services if not service.is_good]
            if services and not waiting:
                return services
            if time.monotonic() > deadline:
                raise _unhealthy(waiting)
            seen = [(service.container, service.health or service.state) for service in waiting]
            if seen != told:
                tell(waiting)
                told = seen
            time.sleep(_POLL_SECONDS)

    def words(self, *words: str) -> list[str]:
        """Return the arguments of ``docker`` for ``docker compose`` in this deployment."""
        root = str(self.deployment.root)
        files = [word for path in self.deployment.compose_files for word in ("--file", str(path))]
        return ["compose", "--project-directory", root, "--project-name", self.deployment.project, *files, *words]

    def environment(self) -> dict[str, str]:
        """Return this process's environment without what would win over ``.env``: that file alone says what runs."""
        own = self.deployment.env().keys()
        return {
            name: value for name, value in os.environ.items() if name not in own and not name.startswith("COMPOSE_")
        }


def _unhealthy(waiting: Sequence[Service]) -> SystemFailed:
    if not waiting:
        return SystemFailed(
            "No service was started.",
            action="Run `ao platform up`, and read what it prints.",
            code="platform-unhealthy",
        )
    states = ", ".join(f"{service.container} is {service.health or service.state}" for service in waiting)
    return SystemFailed(
        f"Not all services came up: {states}.",
        action=f"Read `ao platform logs {waiting[0].name}`, mend the cause, and run `ao platform up` again.",
        code="platform-unhealthy",
    )
