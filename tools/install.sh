#!/bin/sh
# Installs or removes the program and what belongs to it: install.sh install|uninstall BINARY DESTDIR PREFIX
# The sample configuration becomes an example, and /etc/hgautod/hgautod.ini where there is none yet; that one is the operator's from
# then on: never overwritten, never removed.
set -eu
what=$1 binary=$2 destdir=$3 prefix=$4
cd "$(dirname "$0")/.."

# put MODE FROM TO: one file; @BINDIR@ in units is filled in.
put() {
    to=$destdir$prefix/$3
    if [ "$what" = uninstall ]; then
        rm -f "$to"
        return
    fi
    mkdir -p "${to%/*}"
    sed "s|@BINDIR@|$prefix/bin|g" "$2" >"$to.new"
    chmod "$1" "$to.new"
    mv -f "$to.new" "$to"
    echo "  $to"
}

if [ "$what" = uninstall ]; then
    rm -f "$destdir$prefix/bin/hgautod"
else
    mkdir -p "$destdir$prefix/bin"
    cp "$binary" "$destdir$prefix/bin/hgautod.new"
    chmod 755 "$destdir$prefix/bin/hgautod.new"
    mv -f "$destdir$prefix/bin/hgautod.new" "$destdir$prefix/bin/hgautod"
    echo "  $destdir$prefix/bin/hgautod"
fi
if [ "$what" = install ] && [ ! -e "$destdir/etc/hgautod/hgautod.ini" ]; then
    mkdir -p "$destdir/etc/hgautod"
    cp conf/hgautod.ini "$destdir/etc/hgautod/hgautod.ini"
    chmod 644 "$destdir/etc/hgautod/hgautod.ini"
    echo "  $destdir/etc/hgautod/hgautod.ini"
fi
put 644 docs/hgautod.1 share/man/man1/hgautod.1
put 644 docs/hgautod.ini.5 share/man/man5/hgautod.ini.5
put 644 conf/hgautod.ini share/doc/hgautod/examples/hgautod.ini
put 644 README.md share/doc/hgautod/README.md
put 644 LICENSE share/doc/hgautod/LICENSE
put 644 systemd/hgautod.service lib/systemd/system/hgautod.service
put 644 systemd/hgautod.sysusers lib/sysusers.d/hgautod.conf
put 644 systemd/hgautod.tmpfiles lib/tmpfiles.d/hgautod.conf
if [ "$what" = uninstall ]; then
    rmdir "$destdir$prefix/share/doc/hgautod/examples" "$destdir$prefix/share/doc/hgautod" 2>/dev/null || true
fi
