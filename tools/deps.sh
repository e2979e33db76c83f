#!/bin/sh
# Sees to the packages that a purpose needs: deps.sh build|demo|test|bench|lint|docs ...
# On Debian and Ubuntu, missing ones are installed when root or a sudo that asks nothing is there; else the one command is printed.
set -eu

# How to tell that a package is there, and its name. pc: pkg-config; cmd: a command; head: a header; mod: a Python module.
packages_for() {
    case $1 in
    build)
        cat <<'EOF'
cmd:cc gcc
head:stdio.h libc6-dev
cmd:pkg-config pkg-config
pc:libcurl libcurl4-openssl-dev
pc:libcrypto libssl-dev
pc:jansson libjansson-dev
pc:libuv libuv1-dev
pc:expat libexpat1-dev
head:ini.h libinih-dev
pc:libmicrohttpd libmicrohttpd-dev
EOF
        ;;
    demo)
        cat <<'EOF'
cmd:curl curl
cmd:jq jq
EOF
        ;;
    test)
        cat <<'EOF'
pc:cmocka libcmocka-dev
cmd:python3 python3
cmd:node nodejs
cmd:npm npm
cmd:curl curl
cmd:jq jq
cmd:openssl openssl
EOF
        ;;
    venv)
        cat <<'EOF'
mod:ensurepip python3-venv
EOF
        ;;
    bench)
        cat <<'EOF'
cmd:python3 python3
cmd:openssl openssl
cmd:strip binutils
cmd:nginx nginx
EOF
        ;;
    lint)
        cat <<'EOF'
cmd:clang-format clang-format
cmd:clang-tidy clang-tidy
cmd:cppcheck cppcheck
cmd:mandoc mandoc
cmd:shellcheck shellcheck
EOF
        ;;
    docs)
        cat <<'EOF'
cmd:dot graphviz
EOF
        ;;
    ci)
        cat <<'EOF'
cmd:git git
cmd:make make
cmd:valgrind valgrind
EOF
        ;;
    *)
        echo "deps.sh: no such purpose: $1" >&2
        exit 2
        ;;
    esac
}

there() {
    case $1 in
    cmd:*) command -v "${1#*:}" >/dev/null 2>&1 ;;
    pc:*) pkg-config --exists "${1#*:}" 2>/dev/null ;;
    head:*) printf '#include <%s>\n' "${1#*:}" | cc -E - >/dev/null 2>&1 ;;
    mod:*) "${PYTHON:-python3}" -c "import ${1#*:}" >/dev/null 2>&1 ;;
    esac
}

missing=
for purpose; do
    list=$(packages_for "$purpose")
    while read -r probe package; do
        there "$probe" || missing="$missing $package"
    done <<EOF
$list
EOF
done
[ -n "$missing" ] || exit 0

command="apt-get install -y --no-install-recommends$missing"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing here (Debian's names):$missing" >&2
    echo "Install your system's packages of these, then run make again." >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    as=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as='sudo -n'
else
    echo "Packages are missing. This command installs them:" >&2
    echo "    sudo $command" >&2
    exit 1
fi
echo "Installing:$missing"
log=$(mktemp)
# Not quoted: the words of the command, and of an empty $as.
# shellcheck disable=SC2086
if $as env DEBIAN_FRONTEND=noninteractive apt-get update -q >"$log" 2>&1 &&
    $as env DEBIAN_FRONTEND=noninteractive $command -q >>"$log" 2>&1; then
    rm -f "$log"
else
    cat "$log" >&2
    rm -f "$log"
    echo "The packages could not be installed. This command failed:" >&2
    echo "    $command" >&2
    exit 1
fi
