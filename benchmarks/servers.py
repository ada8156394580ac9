"""Servers of a team, started here and ended by their processes: PostgreSQL, S3, MLflow.

PostgreSQL is that of the system (``apt install postgresql``), the S3 is moto, which stands for a
real one: it forgets everything when it ends. The tracking server needs psycopg2 and boto3, which
the lock file has not: ``python -m venv TEAM``, then ``TEAM/bin/pip install mlflow==3.17.2
psycopg2-binary boto3``.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ACCOUNT, PASSWORD = "team", "secret"
PATIENCE_S = 600
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def serve_postgres(folder: Path, databases: tuple[str, ...]) -> Iterator[str]:
    """Serve new databases; yield the address without their names."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    binaries, port = POSTGRES[-1], free_port()
    owner = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if owner:
        shutil.chown(folder, owner)

    def run(program: str, *arguments: str) -> None:
        command = [str(binaries / program), *arguments]
        subprocess.run(command, check=True, user=owner, cwd="/", stdout=subprocess.DEVNULL)

    data = str(folder / "data")
    run("initdb", "-D", data, "-U", ACCOUNT, "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        for name in databases:
            run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", ACCOUNT, name)
        yield f"{ACCOUNT}@127.0.0.1:{port}"
    finally:
        run("pg_ctl", "-D", data, "-m", "fast", "stop")


@contextmanager
def serve_s3(log: Path, buckets: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Serve empty buckets; yield the environment that leads to them.

    Objects above 16 MB are in temporary files, the others in memory.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", "from moto.server import main; main()"]
    with _running([*command, "-H", "127.0.0.1", "-p", str(port)], log, port, {}):
        for bucket in buckets:
            call = urllib.request.Request(f"{address}/{bucket}", b"", method="PUT")
            urllib.request.urlopen(call, timeout=PATIENCE_S).close()
        yield {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": PASSWORD,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": address,
        }


def list_objects(s3: Mapping[str, str], bucket: str, prefix: str = "") -> dict[str, int]:
    """Return the size of every object of a bucket below a prefix, in bytes, by name."""
    import boto3

    found = boto3.resource("s3", endpoint_url=s3["AWS_ENDPOINT_URL"]).Bucket(bucket)
    return {one.key: one.size for one in found.objects.filter(Prefix=prefix)}


@contextmanager
def serve_mlflow(
    folder: Path, team: Path, database: str, bucket: str, s3: Mapping[str, str]
) -> Iterator[str]:
    """Serve MLflow on a database, with files in a bucket that it alone reads; yield its address."""
    port = free_port()
    command = [str(team / "bin" / "mlflow"), "server", "--workers", "1"]
    command += ["--backend-store-uri", f"postgresql+psycopg2://{database}"]
    command += ["--artifacts-destination", f"s3://{bucket}", "--serve-artifacts"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    own = {**s3, "MLFLOW_S3_ENDPOINT_URL": s3["AWS_ENDPOINT_URL"]}
    own["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # of agents and judges
    with _running(command, folder / "log", port, own):
        address = f"http://127.0.0.1:{port}"
        _await(lambda: urllib.request.urlopen(f"{address}/health", timeout=5).status == 200)
        yield address


@contextmanager
def _running(
    command: list[str], log: Path, port: int, environment: Mapping[str, str]
) -> Iterator[None]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        server = subprocess.Popen(
            command, stdout=file, stderr=file, env={**os.environ, **environment}
        )
    try:
        _await(lambda: not socket.create_connection(("127.0.0.1", port), 1).close())
        yield
    finally:
        server.terminate()
        server.wait()


def _await(answers: object) -> None:
    """Wait until a call returns true without an error of the network."""
    begin_s = time.monotonic()
    while time.monotonic() - begin_s < PATIENCE_S:
        try:
            if answers():  # type: ignore[operator]
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"A server does not answer within {PATIENCE_S} s.")
