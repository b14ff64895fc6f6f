#!/usr/bin/env bash
# Build sdist and wheel, install the wheel into a new environment with nothing
# but what it asks for, and use it there without the checkout.
#
# usage: dist_check.sh TOOLS
#
# TOOLS            environment with `build` and `uv` (.venv-release)
# MMMTL_PYTHON     Python of the new environment (default: python3)
set -euo pipefail

tools=$(cd "${1:?usage: dist_check.sh TOOLS}" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The wheel is built from the sdist: what the sdist lacks, the wheel lacks.
"$tools/bin/python" -m build --outdir "$scratch/dist" "$root" >"$scratch/log" ||
    { cat "$scratch/log" >&2; exit 1; }
(cd "$scratch/dist" && ls -l)

"${MMMTL_PYTHON:-python3}" -m venv --without-pip "$scratch/venv"
# The tested versions, so that a new release of a dependency breaks nothing
# here; uv knows no local versions, so that two equals signs do.
sed 's/===/==/' "$root"/requirements/lock/{common,onedl}.txt |
    grep -v '^-r' >"$scratch/constraints.txt"
install_and_try() {
    VIRTUAL_ENV=$scratch/venv "$tools/bin/uv" pip install --quiet \
        --constraint "$scratch/constraints.txt" \
        "$(echo "$scratch"/dist/mmmtl-*.whl)[$1]"
    "$scratch/venv/bin/python" -W ignore "$root/tools/dev/try_installed.py" \
        "$2" "$root/configs"
}

mkdir "$scratch/elsewhere"
cd "$scratch/elsewhere"
install_and_try onedl index
install_and_try onedl,lite zoo # the models that come with it need timm
"$scratch/venv/bin/python" -W ignore \
    "$scratch"/venv/lib/python*/site-packages/mmmtl/.mim/tools/train.py --help |
    head -n 1
echo 'dist_check: the wheel works without the checkout'
