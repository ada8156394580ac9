#!/bin/sh
# PostgreSQL runs this once, in an empty volume: a database each for Prefect and MLflow.
set -eu
password=$(cat /run/secrets/postgres)
for name in prefect mlflow; do
    psql -v ON_ERROR_STOP=1 -v name="$name" -v password="$password" --username "$POSTGRES_USER" <<'SQL'
create role :"name" login password :'password';
create database :"name" owner :"name";
SQL
done
