#!/bin/sh
# Installs what the interop tests need of the system beside Python: ip of iproute2, which makes network namespaces.
set -eu
command -v ip >/dev/null && exit 0
if ! command -v apt-get >/dev/null; then
	echo "tools.sh: ip is missing; install iproute2 and run again" >&2
	exit 1
fi
sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
echo "tools.sh: installing iproute2 from Debian's packages" >&2
$sudo apt-get update -qq && $sudo apt-get install -y -qq iproute2 >&2
