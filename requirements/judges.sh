#!/bin/sh
# The judges of our FHIR that are written in JavaScript: @medplum/core and LHC-Forms, three packages
# from a lock with hashes. 151 MB, once. Without npm, or without a network, their tests skip and say
# so: nobody needs Node to run or to change Enthesis.
cd "$(dirname "$0")/../tests/node" || exit 1
stamp=node_modules/.stamp
[ -f "$stamp" ] && [ ! package-lock.json -nt "$stamp" ] && exit 0
if ! command -v npm >/dev/null; then
    echo "No npm here: the tests that judge FHIR with Medplum and LHC-Forms will be skipped."
    exit 0
fi
echo "Installing the judges that run in Node ..."
if npm ci --silent >/dev/null 2>&1; then
    touch "$stamp"
else
    echo "npm ci did not succeed in tests/node: the tests of Medplum and LHC-Forms will be skipped." >&2
fi
exit 0
