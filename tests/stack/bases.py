"""Stand-ins for the public base images, made from Debian packages: the engine of the tests cannot pull anything.

They carry the public names, so that the project's Dockerfile and compose file run on them unchanged. Each imitates what
these two rely on: users, folders, environment, and the way the original starts.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .engine import Engine

RECIPE = "org.ao-workflows.recipe"
"""The label that tells whether an image in the cache is still what its recipe makes."""

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

POSTGRES_INIT = """\
#!/bin/sh
# As the original does: the first start makes the cluster, with the password from its secret file.
set -eu
[ ! -s "$PGDATA/PG_VERSION" ] || exit 0
mkdir -p "$PGDATA"
if ! getent passwd "$(id -u)" >/dev/null; then
    # initdb wants a name for whoever runs it.
    NSS_WRAPPER_PASSWD=$(mktemp) NSS_WRAPPER_GROUP=$(mktemp)
    LD_PRELOAD=$(echo /usr/lib/*/libnss_wrapper.so)
    export LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
    echo "postgres:x:$(id -u):$(id -g)::$PGDATA:/bin/false" > "$NSS_WRAPPER_PASSWD"
    echo "postgres:x:$(id -g):" > "$NSS_WRAPPER_GROUP"
fi
# shellcheck disable=SC2086  # several arguments
initdb --pgdata="$PGDATA" --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" \\
    --auth-host=scram-sha-256 --auth-local=trust ${POSTGRES_INITDB_ARGS:-}
echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
echo "listen_addresses = '*'" >> "$PGDATA/postgresql.conf"
echo "unix_socket_directories = '/var/run/postgresql'" >> "$PGDATA/postgresql.conf"
echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
"""

POSTGRES_START = """\
#!/bin/sh
# As the original does: started as `postgres`, it has the password in its environment.
set -eu
if [ "$1" = postgres ]; then
    POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
    export POSTGRES_PASSWORD
    docker-ensure-initdb.sh
fi
exec "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """One stand-in.

    :param name: the public name that it takes. :param packages: of Debian.
    :param commands: run as root in the new tree, before it becomes an image.
    :param files: text by path, executable. :param changes: Dockerfile instructions of its configuration.
    """

    name: str
    release: str
    packages: tuple[str, ...]
    commands: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def recipe(self) -> str:
        """A digest of everything that the image is made from."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def bases(*, airflow: str, postgres: str, redis: str) -> tuple[Base, ...]:
    """Return the stand-ins for the images of these names."""
    trusted = tuple(f"ENV {name}={CERTIFICATES}" for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"))
    return (
        Base(
            name=airflow,
            release="bookworm",
            packages=("ca-certificates", "python3", "python3-venv", "dumb-init", "libstdc++6"),
            commands=(
                "useradd --uid 50000 --gid 0 --home-dir /home/airflow --create-home airflow",
                "install -d -o airflow -g root -m 0775 /opt/airflow /home/airflow",
                "ln -s python3 /usr/bin/python",
            ),
            changes=(
                *trusted,
                "ENV AIRFLOW_HOME=/opt/airflow",
                "WORKDIR /opt/airflow",
                "USER 50000",
                'ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint"]',
            ),
        ),
        Base(
            name=postgres,
            release="trixie",
            packages=("ca-certificates", "postgresql-17", "libnss-wrapper"),
            commands=(
                "usermod --uid 999 postgres",
                "install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data",
                "install -d -o postgres -g postgres -m 3777 /var/run/postgresql",
            ),
            files=(
                ("/usr/local/bin/docker-entrypoint.sh", POSTGRES_START),
                ("/usr/local/bin/docker-ensure-initdb.sh", POSTGRES_INIT),
            ),
            changes=(
                "ENV PATH=/usr/lib/postgresql/17/bin:/usr/local/bin:/usr/bin:/bin",
                "ENV LANG=C.UTF-8",
                "VOLUME /var/lib/postgresql/data",
                'ENTRYPOINT ["docker-entrypoint.sh"]',
                'CMD ["postgres"]',
                "STOPSIGNAL SIGINT",
            ),
        ),
        Base(
            name=redis,
            release="trixie",
            packages=("ca-certificates", "redis-server"),
            commands=("install -d -m 1777 /data",),
            changes=("VOLUME /data", "WORKDIR /data", 'CMD ["redis-server"]'),
        ),
    )


def make_bases(engine: Engine, wanted: Sequence[Base]) -> None:
    """Let the engine have every wanted image; those that it has from before stay."""
    missing = [base for base in wanted if not is_current(engine, base)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(lambda base: make(engine, base), missing))


def is_current(engine: Engine, base: Base) -> bool:
    """Tell whether the engine has the image as its recipe makes it."""
    form = f'{{{{index .Config.Labels "{RECIPE}"}}}}'
    return engine.docker("image", "inspect", "--format", form, base.name, check=False).strip() == base.recipe


def make(engine: Engine, base: Base) -> None:
    """Make the image from Debian's packages. :raises RuntimeError: with what went wrong."""
    with tempfile.TemporaryDirectory(prefix="ao-base-") as folder:
        tree = Path(folder) / "root.tar"
        done = subprocess.run(
            # The originals have folders in /run, whose modes count.
            ["mmdebstrap", "--variant=minbase", "--quiet", "--skip=cleanup/run", f"--include={','.join(base.packages)}"]
            + [f"--customize-hook={hook}" for hook in hooks(base, Path(folder))]
            + [base.release, str(tree)],
            check=False,
            text=True,
            capture_output=True,
        )
        if done.returncode:
            raise RuntimeError(f"no stand-in for {base.name}: {done.stderr[-3000:]}")
        changes = [word for change in (*base.changes, f"LABEL {RECIPE}={base.recipe}") for word in ("--change", change)]
        engine.docker("import", *changes, str(tree), base.name)


def hooks(base: Base, folder: Path) -> list[str]:
    """Return what mmdebstrap has to run on the host, with the new tree as ``$1``."""
    own = Path("/usr/local/share/ca-certificates")
    lines = []
    if own.is_dir():
        lines.append(f'cp -r {own}/. "$1{own}/"')
    lines += [f"chroot \"$1\" sh -c '{command}'" for command in ("update-ca-certificates >/dev/null", *base.commands)]
    for number, (path, text) in enumerate(base.files):
        source = folder / f"file-{number}"
        source.write_text(text)
        lines.append(f'install -m 0755 {source} "$1{path}"')
    return [*lines, 'rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/*']
