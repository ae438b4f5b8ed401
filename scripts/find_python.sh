#!/bin/sh
# Prints the Python that .venv is, or is to be, made with: 3.10 to 3.13.
#
#   find_python.sh [PYTHON]     PYTHON: use this one and no other
#
# Each candidate is run, not only looked up: a name on the PATH may be a launcher that finds nothing.

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

supported() {
    case $1 in
        3.10 | 3.11 | 3.12 | 3.13) return 0 ;;
        *) return 1 ;;
    esac
}

refuse() {
    printf 'error: MusicGen-VAE needs Python 3.10 to 3.13; %s\n' "$1" >&2
    printf 'Install one of these, or name it: make install PYTHON=/path/to/python3.12\n' >&2
    exit 1
}

if [ -n "$1" ]; then
    version=$(version_of "$1") || refuse "$1 does not run"
    supported "$version" || refuse "$1 is $version"
    printf '%s\n' "$1"
    exit 0
fi

# An environment that works stays, whatever other Pythons have come since.
if supported "$(version_of .venv/bin/python)" && .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    printf '%s\n' .venv/bin/python
    exit 0
fi

found=
for name in python3 python3.12 python3.13 python3.11 python3.10 python; do
    version=$(version_of "$name") || continue
    if supported "$version"; then
        printf '%s\n' "$name"
        exit 0
    fi
    found="$found${found:+, }$name is $version"
done
refuse "${found:-none was found}"
