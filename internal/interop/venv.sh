#!/bin/sh
# Makes .venv with the Python peers of the interop tests, at the versions and hashes of requirements.txt. Usage: venv.sh DIR
# Does nothing when DIR already holds exactly those. A machine without Python's venv gets it from apt, when we may.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: venv.sh DIR}
pins=$here/requirements.txt

if [ -x "$dir/bin/python" ] && cmp -s "$pins" "$dir/pins.txt"; then exit 0; fi

make_venv() { rm -rf "$dir" && python3 -m venv "$dir" >/dev/null 2>&1; }
if ! make_venv; then
	if ! command -v apt-get >/dev/null; then
		echo "venv.sh: python3 with its venv module is missing; install it and run again" >&2
		exit 1
	fi
	sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
	echo "venv.sh: installing python3-venv from Debian's packages" >&2
	$sudo apt-get update -qq && $sudo apt-get install -y -qq python3 python3-venv >&2
	make_venv
fi
"$dir/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$pins"
cp "$pins" "$dir/pins.txt"
