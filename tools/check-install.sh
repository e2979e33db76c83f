#!/bin/sh
# Installs into an empty folder, looks whether all is there and runs, uninstalls, and looks whether nothing is left.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
make -s install DESTDIR="$dir" PREFIX=/usr >"$dir.log" || { cat "$dir.log"; exit 1; }
rm -f "$dir.log"
"$dir/usr/bin/hgautod" --version
for file in share/man/man1/hgautod.1 share/man/man5/hgautod.ini.5 share/doc/hgautod/examples/hgautod.ini \
    lib/systemd/system/hgautod.service lib/sysusers.d/hgautod.conf lib/tmpfiles.d/hgautod.conf; do
    [ -s "$dir/usr/$file" ] || { echo "make install left out /usr/$file" >&2; exit 1; }
done
if grep -q '@BINDIR@' "$dir/usr/lib/systemd/system/hgautod.service"; then
    echo 'the unit still says @BINDIR@' >&2
    exit 1
fi
make -s uninstall DESTDIR="$dir" PREFIX=/usr
left=$(find "$dir" -type f ! -path "$dir/etc/hgautod/hgautod.ini")
[ -z "$left" ] || { echo "make uninstall left: $left" >&2; exit 1; }
