"""An object store on this machine: the S3 of moto, reached as any other by the AWS variables."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "music"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStore:
    """A bucket that runs here; ``endpoint`` is its address."""

    endpoint: str

    def objects(self) -> dict[str, bytes]:
        """Return what stands in the bucket, markers of folders left out."""
        bucket = self._bucket()
        return {o.key: o.get()["Body"].read() for o in bucket.objects.all() if o.key[-1] != "/"}

    def put(self, key: str, content: bytes) -> None:
        """Put an object in the place of what was there."""
        self._bucket().put_object(Key=key, Body=content)

    def remove(self, key: str) -> None:
        """Remove an object."""
        self._bucket().Object(key).delete()

    def _bucket(self) -> "boto3.resources.base.ServiceResource":
        return boto3.resource("s3", endpoint_url=self.endpoint).Bucket(BUCKET)


@contextmanager
def serve_bucket() -> Iterator[ObjectStore]:
    """Serve one empty bucket until the block ends; the environment leads to it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "somebody")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_ENDPOINT_URL", endpoint)
        bucket = boto3.resource("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
        bucket.objects.all().delete()  # moto keeps one memory a process, whichever server asks
        yield ObjectStore(endpoint=endpoint)
    server.stop()
