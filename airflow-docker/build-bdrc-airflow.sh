#!/bin/sh
# Build the image bdrc-airflow, and make this folder ready for `docker compose up -d`.
#
#   airflow-docker/build-bdrc-airflow.sh [--ao-dev-dir DIR] [--audit-tool DEB] [--requirements FILE]… [--tag NAME[:TAG]]
#
# AO_DEV_DIR in the environment stands for --ao-dev-dir. `--help` explains the options. Everything is done by `ao platform
# build`; its --deploy makes secrets, folders and .env, and leaves alone what is there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../tools/ao" platform build --deploy "$here" "$@"
