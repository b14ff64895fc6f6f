#!/usr/bin/env bash
# Build the Python environment of this checkout.
#
# usage: make_env.sh STACK VENV      STACK: onedl | openmmlab | lowest
#
# `lowest` is onedl with the oldest version of each package that requirements/
# allows. Everything is installed by hash, except mmcv of openmmlab: its wheel
# is made here, or lies in WHEELS.
#
# MMMTL_PYTHON     the Python 3.11 to use (default: python3.11, python3)
# MMMTL_ENV_CACHE  folder for dependency environments, one per hash of the
#                  requirement files; VENV then is a thin environment on top.
#                  Without it everything is installed into VENV itself.
# WHEELS           folder with ready wheels, above all a compiled mmcv
# MAX_JOBS         compiler processes when mmcv is built (default: all cores)
#
# Nothing happens if VENV already fits. An interrupted build is redone, two
# builds at once wait for each other.
set -euo pipefail

stack=${1:?usage: make_env.sh STACK VENV}
case ${2:?usage: make_env.sh STACK VENV} in
    /*) venv=$2 ;;
    *) venv=$PWD/$2 ;;
esac
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
lock=$root/requirements/lock
case $stack in
    onedl | openmmlab | lowest) ;;
    *) echo "make_env: unknown stack '$stack', use onedl, openmmlab or lowest" >&2
       exit 2 ;;
esac

say() { echo "make_env: $*" >&2; }

find_python() {
    local candidate
    for candidate in ${MMMTL_PYTHON:-python3.11 python3}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
            2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    say "Python 3.11 not found as ${MMMTL_PYTHON:-python3.11 or python3}:" \
        'install it or set MMMTL_PYTHON=/path/to/python3.11'
    exit 1
}

python_bin=$(find_python)

hash_of() { sha256sum "$@" | cut -d' ' -f1 | sha256sum | cut -c1-16; }

# Raise this when the steps of install_dependencies change.
recipe=2

dependency_key() {
    local files=("$lock/hashed/$stack.txt")
    [ "$stack" != openmmlab ] || files+=("$lock/openmmlab-mmcv.txt")
    { echo "$recipe"; hash_of "${files[@]}"; "$python_bin" -VV; uname -sm; } |
        sha256sum | cut -c1-16
}

key=$(dependency_key)
# The editable install is redone when the package metadata may have changed.
stamp="$key $root $venv ${MMMTL_ENV_CACHE:-none}
$(hash_of "$root/setup.py" "$root/pyproject.toml" "$root/mmmtl/version.py" \
    "$root"/requirements/*.txt)
$(cd "$root" && ls -d configs tools demo model-index.yml 2>/dev/null || true)"

pip_install() {
    local target=$1
    shift
    "$target/bin/python" -m pip install --no-input -qq \
        --disable-pip-version-check ${WHEELS:+--find-links "$WHEELS"} "$@"
}

build_mmcv() {
    local target=$1 requirement=$lock/openmmlab-mmcv.txt
    if [ -n "${WHEELS:-}" ] && pip_install "$target" --no-deps --no-index \
        --only-binary=:all: -r "$requirement"; then
        say "mmcv: ready wheel from $WHEELS"
        return
    fi
    say 'mmcv: building from source, about 10 minutes on 2 cores'
    PATH=$target/bin:$PATH MMCV_WITH_OPS=1 CFLAGS='-O3 -g0' \
        MAX_JOBS=${MAX_JOBS:-$(nproc)} pip_install "$target" --no-deps \
        --no-build-isolation --no-binary=mmcv -r "$requirement"
}

check_imports() {
    local module
    for module in torchvision mmengine mmcv mmseg.models mmpretrain.models; do
        "$1/bin/python" -W ignore -c "import $module" || {
            say "'import $module' fails in the new environment $1"
            exit 1
        }
    done
    [ "$stack" != openmmlab ] ||
        "$1/bin/python" -W ignore -c 'import mmcv.ops' || exit 1
}

install_dependencies() {
    local target=$1
    say "installing the $stack dependencies into $target (several minutes)"
    rm -rf "$target"
    "$python_bin" -m venv "$target"
    pip_install "$target" --require-hashes \
        -r <(awk '/^[^ ]/ {wanted = /^pip==/} wanted' "$lock/hashed/onedl.txt")
    pip_install "$target" --require-hashes -r "$lock/hashed/$stack.txt"
    [ "$stack" != openmmlab ] || build_mmcv "$target"
    check_imports "$target"
}

# A dependency environment counts as finished once this marker exists.
build_cached() {
    local target=$MMMTL_ENV_CACHE/$stack-$key
    mkdir -p "$MMMTL_ENV_CACHE"
    exec 9>"$target.lock"
    flock 9
    if [ ! -e "$target/.complete" ]; then
        install_dependencies "$target"
        touch "$target/.complete"
    fi
    exec 9>&-
}

# VENV sees the cached packages through a .pth file, and gets its own copies
# of the console scripts, so that they start VENV's interpreter.
make_thin_venv() {
    local base=$1 site base_site script name
    rm -rf "$venv"
    "$python_bin" -m venv --without-pip "$venv"
    site=$("$venv/bin/python" -c \
        'import sysconfig; print(sysconfig.get_path("purelib"))')
    base_site=$("$base/bin/python" -c \
        'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "import site; site.addsitedir('$base_site')" >"$site/_mmmtl_env.pth"
    for script in "$base"/bin/*; do
        name=${script##*/}
        case $name in python* | [aA]ctivate*) continue ;; esac
        if [ "$(head -c2 "$script" | tr -d '\0')" = '#!' ]; then
            sed "s|$base/bin/python[0-9.]*|$venv/bin/python|g" "$script" \
                >"$venv/bin/$name"
            chmod +x "$venv/bin/$name"
        else
            ln -sf "$script" "$venv/bin/$name"
        fi
    done
}

fits() {
    [ "$(cat "$venv/.mmmtl-stamp" 2>/dev/null)" = "$stamp" ] &&
        { [ -z "${MMMTL_ENV_CACHE:-}" ] ||
            [ -e "$MMMTL_ENV_CACHE/$stack-$key/.complete" ]; }
}

fits && exit 0
mkdir -p "$(dirname "$venv")"
exec 8>"$venv.lock"
flock 8
fits && exit 0
rm -f "$venv/.mmmtl-stamp"
if [ -n "${MMMTL_ENV_CACHE:-}" ]; then
    build_cached
    make_thin_venv "$MMMTL_ENV_CACHE/$stack-$key"
elif [ "$(cat "$venv/.mmmtl-dependencies" 2>/dev/null)" != "$key" ]; then
    install_dependencies "$venv"
    echo "$key" >"$venv/.mmmtl-dependencies"
fi
pip_install "$venv" --no-deps --no-build-isolation --editable "$root"
echo "$stamp" >"$venv/.mmmtl-stamp"
say "$venv is ready ($stack)"
