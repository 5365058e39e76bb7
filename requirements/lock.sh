#!/bin/sh
# Renews the lock from pyproject.toml: hashed, without index addresses, nothing younger than seven days.
set -eu
week_ago=$(date -u -d '7 days ago' +%Y-%m-%d)
flags="--quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --universal --python-version 3.11 --exclude-newer $week_ago"
uv pip compile $flags --custom-compile-command "make lock" pyproject.toml -o requirements/run.txt
uv pip compile $flags --custom-compile-command "make lock" pyproject.toml --group dev -o requirements/dev.txt
# Only for make test-spark, on top of dev.txt and never against it.
echo 'pyspark>=4,<5' | uv pip compile $flags --custom-compile-command "make lock" - -c requirements/dev.txt -o requirements/spark.txt
# What the wheel is built with, for deploy/Containerfile.
echo 'hatchling' | uv pip compile $flags --custom-compile-command "make lock" - -c requirements/dev.txt -o requirements/build.txt
