#!/bin/sh
# Installs what the interop tests need beside Python: from Debian's packages, where it is missing, ip of iproute2 (network namespaces),
# tmux (NomadNet's screens) and node with npm; and into DIR, at the versions and hashes of readers/package-lock.json, the parser of
# pages that MeshChat uses. Usage: tools.sh DIR. Does nothing when all is there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=${1:?usage: tools.sh DIR}

need=
command -v ip >/dev/null || need="$need iproute2"
command -v tmux >/dev/null || need="$need tmux"
command -v node >/dev/null || need="$need nodejs"
command -v npm >/dev/null || need="$need npm"
if [ -n "$need" ]; then
	if ! command -v apt-get >/dev/null; then
		echo "tools.sh: missing:$need; install and run again" >&2
		exit 1
	fi
	sudo=; [ "$(id -u)" = 0 ] || sudo=sudo
	echo "tools.sh: installing$need from Debian's packages" >&2
	$sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $need >&2
fi

lock=$here/readers/package-lock.json
if [ -d "$dir/node_modules" ] && cmp -s "$lock" "$dir/installed.json"; then exit 0; fi
mkdir -p "$dir"
rm -f "$dir/installed.json"
cp "$here/readers/package.json" "$lock" "$here/readers/.npmrc" "$dir"
(cd "$dir" && npm ci --loglevel=error)
cp "$lock" "$dir/installed.json"
