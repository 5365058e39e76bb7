#!/bin/sh
# What the tests need from the machine beside Python: a real Chromium, and for the PDF reports Pango
# and poppler's readers. Installs Debian's when root, names them in one sentence when not.
missing=""
has() { # has <package> <command that fails without it>
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
loads() { python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1"; }
# Either will do; the one without windows is smaller and quicker. Not named after what it looks for:
# `command -v` finds functions too.
a_browser() { command -v chromium-headless-shell || command -v chromium; }
look() {
    missing=""
    has chromium-headless-shell a_browser
    has poppler-utils command -v pdftotext
    has libpango-1.0-0 loads libpango-1.0.so.0
    has libpangoft2-1.0-0 loads libpangoft2-1.0.so.0
    has libharfbuzz-subset0 loads libharfbuzz-subset.so.0
    [ -z "$missing" ]
}
look && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests:$missing ..."
    # shellcheck disable=SC2086 # one word for each package
    flock requirements sh -c 'apt-get update -qq &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null' apt $missing
    look && exit 0
fi
echo "The tests need packages that are missing here: install$missing, then run make test again." >&2
exit 1
