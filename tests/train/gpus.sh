#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Two GPUs against one with the same streams.
#
#   gpus.sh PROGRAM    nomul-train of a build with CUDA=1 NCCL=1
set -u
train=$1
. tests/train/checks.sh

if [ "$(nvidia-smi -L 2> "$work/said" | grep -c '^GPU')" -lt 2 ]; then
    echo "SKIP gpus.sh: there are no two GPUs"
    exit
fi
text=tests/golden/text/text.txt
new() {
    "$train" new --device cuda --shape 2,256,768 --tokenizer tests/golden/plain --data $text \
        --batch-size 8 --micro-batch 2 --block-size 64 --warmup-iters 5 --max-iters 20 \
        --eval-interval 0 -q "$@"
}
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

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
