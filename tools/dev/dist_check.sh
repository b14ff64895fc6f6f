#!/usr/bin/env bash
# Build sdist and wheel, install the wheel into a new environment with nothing
# but what it asks for, and use it there without the checkout, as mim, as the
# demo and as a newcomer do.
#
# usage: dist_check.sh TOOLS
#
# TOOLS            environment with `build`, `twine` and `uv` (.venv-release)
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
"$tools/bin/twine" check --strict "$scratch"/dist/*

for name in venv device; do
    "${MMMTL_PYTHON:-python3}" -m venv --without-pip "$scratch/$name"
done
# The tested versions, so that a new release of a dependency breaks nothing
# here; uv knows no local versions, so that two equals signs do.
sed 's/===/==/' "$root"/requirements/lock/{common,onedl}.txt |
    grep -v '^-r' >"$scratch/constraints.txt"
install() { # ENVIRONMENT PACKAGE...
    VIRTUAL_ENV=$scratch/$1 "$tools/bin/uv" pip install --quiet \
        --constraint "$scratch/constraints.txt" "${@:2}"
}
install_and_try() {
    install venv "$(echo "$scratch"/dist/mmmtl-*.whl)[$1]"
    "$scratch/venv/bin/python" -W ignore "$root/tools/dev/try_installed.py" \
        "$2" "$root/configs"
}

mkdir "$scratch/elsewhere"
cd "$scratch/elsewhere"
install_and_try onedl index
install_and_try onedl,lite zoo # the models that come with it need timm
mim=$(echo "$scratch"/venv/lib/python*/site-packages/mmmtl/.mim)
"$scratch/venv/bin/python" -W ignore "$mim/tools/train.py" --help | head -n 1
# So many steps that it beats the trivial answers, else it exits with 1.
OMP_WAIT_POLICY=PASSIVE "$scratch/venv/bin/python" -W ignore \
    "$mim/tools/demo.py" --num-train 8 --num-val 2 --num-pictures 1 \
    --data-root rooms --cfg-options train_cfg.max_iters=30 \
    train_cfg.val_interval=30 default_hooks.checkpoint.interval=30 >log 2>&1 ||
    { tail -n 40 log >&2; exit 1; }
tail -n 1 log

install venv "$(echo "$scratch"/dist/mmmtl-*.whl)[onedl,lite,deploy]"
install device numpy onnxruntime Pillow
"$root/tools/dev/newcomer.sh" "$scratch/venv/bin" "$scratch/device/bin"
echo 'dist_check: the wheel works without the checkout'
