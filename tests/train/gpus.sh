#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two GPUs against one with the same streams: of one process, and of two.
#
#   gpus.sh PROGRAM    nomul-train of a build with CUDA=1 NCCL=1, and MPI=1 for two processes
set -u
train=$1
. tests/train/checks.sh

if [ "$(nvidia-smi -L 2> "$work/said" | grep -c '^GPU')" -lt 2 ]; then
    echo "SKIP gpus.sh: there are no two GPUs"
    exit
fi
text=tests/golden/text/text.txt
tiny="--device cuda --shape 2,256,768 --tokenizer tests/golden/plain --data $text -q"
tiny="$tiny --batch-size 8 --micro-batch 2 --block-size 64 --warmup-iters 5 --max-iters 20"
tiny="$tiny --eval-interval 0"
new() { "$train" new $tiny "$@"; }
losses() { field loss < "$work/$1/train.jsonl"; }
# Products of gradients are in bf16, and a rounding that makes one q differ changes what follows.
near() { # FILE FILE
    paste "$1" "$2" | awk '{d = $1 - $2; limit = NR == 1 ? 1e-5 : 1e-2
        if (!(d <= limit && d >= -limit) || NF != 2) {print NR ": " $0; bad = 1}}
        END {exit bad || NR < 20}'
}
check "one GPU trains" new --gpus 1 -o "$work/one"
check "two GPUs train" new --gpus 2 -o "$work/two"
check "and again" new --gpus 2 -o "$work/again"
losses one > "$work/one.losses" && losses two > "$work/two.losses"
check "two GPUs have the losses of one" near "$work/one.losses" "$work/two.losses"
check "two runs of two GPUs have the same bits" same_state "$work/two" "$work/again"
check "one GPU resumes what two have begun" "$train" resume "$work/two" -q --gpus 1 --max-iters 25
check "more GPUs than there are" \
    says 1 "use fewer --gpus" new --gpus 16 --batch-size 16 -o "$work/many"

# ---- A process for each GPU ----------------------------------------------------------------------

skipped=0
ranks() { timeout 120 mpirun -np 2 --bind-to none "$train" "$@"; }
if ldd "$train" | grep -q libmpi && command -v mpirun > "$work/said"; then
    # Open MPI refuses root unless it is told.
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    check "two processes train" ranks new $tiny --gpus 1 -o "$work/ranks"
    losses ranks > "$work/ranks.losses"
    check "they have the losses of one" near "$work/one.losses" "$work/ranks.losses"
    # train.state has the options, so its bytes differ.
    check "and the weights of one process with two GPUs" \
        cmp "$work/again/model.safetensors" "$work/ranks/model.safetensors"
    check "two processes resume" ranks resume "$work/ranks" -q --gpus 1 --max-iters 25
else
    echo "SKIP gpus.sh, two processes: there is no Open MPI" && skipped=1
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
