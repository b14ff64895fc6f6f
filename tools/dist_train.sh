#!/usr/bin/env bash
# Train on several processes of this machine, one per GPU, or on the CPU if
# there is no GPU:
#   bash tools/dist_train.sh CONFIG NUM_PROCESSES [arguments of train.py]
# Environment: PYTHON, NNODES, NODE_RANK, MASTER_ADDR, PORT, TORCHRUN_ARGS.
# A run that starts again by itself when a process dies:
#   TORCHRUN_ARGS=--max-restarts=3 bash tools/dist_train.sh CONFIG 8 --resume
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG NUM_PROCESSES [arguments of train.py]" >&2
    exit 2
fi
CONFIG=$1
PROCESSES=$2
NNODES=${NNODES:-1}
NODE_RANK=${NODE_RANK:-0}
PORT=${PORT:-29500}
MASTER_ADDR=${MASTER_ADDR:-"127.0.0.1"}
read -r -a EXTRA <<< "${TORCHRUN_ARGS:-}"
TOOLS=$(dirname "$0")

# "${EXTRA[@]+...}": an empty array counts as unset in older shells.
PYTHONPATH="$TOOLS/..:${PYTHONPATH:-}" \
"${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="$NNODES" \
    --node_rank="$NODE_RANK" \
    --master_addr="$MASTER_ADDR" \
    --nproc_per_node="$PROCESSES" \
    --master_port="$PORT" \
    ${EXTRA[@]+"${EXTRA[@]}"} \
    "$TOOLS/train.py" "$CONFIG" --launcher pytorch "${@:3}"
