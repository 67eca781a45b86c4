"""The scripts that people write with boto3, run by the other programs' Python: each file of a folder into a bucket."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

THREADS = 16


def main(way: str, folder: Path, bucket: str, prefix: str) -> None:
    """Send all files, by ``put_object`` in threads or by ``upload_file`` one after the other."""
    client = boto3.client("s3", config=Config(max_pool_connections=THREADS))
    paths = sorted(folder.iterdir())

    def put(path: Path) -> None:
        client.put_object(Bucket=bucket, Key=prefix + path.name, Body=path.read_bytes(), ContentType="image/jpeg")

    if way == "put_object":
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(put, paths))
    else:
        for path in paths:
            client.upload_file(str(path), bucket, prefix + path.name, ExtraArgs={"ContentType": "image/jpeg"})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])
