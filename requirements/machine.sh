#!/bin/sh
# The browser tests drive a real Chromium. Installs Debian's when root, names it in one sentence when not.
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing chromium for the browser tests ..."
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null && exit 0
fi
echo "The browser tests need chromium: install the package chromium, then run make test again." >&2
exit 1
