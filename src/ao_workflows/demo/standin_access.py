"""Keys and variables with which programs reach the AWS stand-in, and nothing but the stand-in."""

import os
from pathlib import Path

from ao_workflows.storage import AwsAccess

REGION = "us-east-1"

_PROFILE = "stand-in"
_KEY = "stand-in"
"""Both halves of the made-up key."""


def write_credentials(path: Path) -> None:
    """Write an AWS credentials file that holds the made-up key. :raises OSError: if it cannot."""
    path.write_text(
        f"[{_PROFILE}]\naws_access_key_id = {_KEY}\naws_secret_access_key = {_KEY}\nregion_name = {REGION}\n"
    )


def access_by(credentials: Path, endpoint_url: str) -> AwsAccess:
    """Return how this program reaches it. A named profile: keys that the environment holds are not even looked at."""
    return AwsAccess(endpoint_url=endpoint_url, region=REGION, profile=_PROFILE, credentials_file=credentials)


def environment_by(credentials: Path, endpoint_url: str) -> dict[str, str]:
    """Return the variables that make another program use it, and only it, whatever its environment says otherwise."""
    proxied_past = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy", ""), "127.0.0.1"]
    no_proxy = ",".join(filter(None, proxied_past))
    return {
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ENDPOINT_URL_S3": endpoint_url,
        "AWS_ENDPOINT_URL_SQS": endpoint_url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_ACCESS_KEY_ID": _KEY,
        "AWS_SECRET_ACCESS_KEY": _KEY,
        "AWS_SESSION_TOKEN": "",
        "AWS_SECURITY_TOKEN": "",
        "AWS_PROFILE": _PROFILE,
        "AWS_DEFAULT_PROFILE": _PROFILE,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
    }
