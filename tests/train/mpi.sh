#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Several ranks on one machine against one process with the same streams.
#
#   mpi.sh PROGRAM    nomul-train of a build with MPI=1; mpirun is Open MPI's
set -u
train=$1
. tests/train/checks.sh

# Open MPI refuses root, and more ranks than CPUs, unless it is told.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1
ranks() { n=$1 && shift && timeout 120 mpirun -np "$n" --bind-to none "$train" "$@"; }

text=tests/golden/text/text.txt
head -c 30000 $text | sed '$d' > "$work/text"
tail -c 6000 $text | sed 1d > "$work/valid"
tiny="--shape 2,48,80 --tokenizer tests/golden/plain --data $work/text --decay-data $work/valid"
tiny="$tiny --valid $work/valid --batch-size 6 --block-size 24 --learning-rate 1e-3 -q"
tiny="$tiny --warmup-iters 5 --kernels scalar -t 1 --eval-interval 5"

# ---- The same training ---------------------------------------------------------------------------

losses() { sed -n 's/.*"\(loss\|valid_nats\)":\([^,}]*\).*/\2/p' "$1/train.jsonl"; }
# The weights as text, one a line: they follow the header, whose length is in the first 8 bytes.
weights() {
    n=$(od -An -tu8 -N8 "$1/model.safetensors" | tr -d ' ')
    tail -c +$((n + 9)) "$1/model.safetensors" | od -An -v -tf4 -w4
}
same_numbers() { # FILE FILE: at least 10 in each, and as many
    paste "$1" "$2" | awk '
        {d = $1 - $2; if (!(d <= 1e-5 && d >= -1e-5) || NF != 2) {print NR ": " $0; bad = 1}}
        END {exit bad || NR < 10}'
}
compare() { # NAME: with one rank
    losses "$work/$1" > "$work/$1.losses" && weights "$work/$1" > "$work/$1.weights"
    check "the losses of $1 are those of one rank" same_numbers "$work/one.losses" "$work/$1.losses"
    check "and the weights" same_numbers "$work/one.weights" "$work/$1.weights"
}
"$train" new $tiny --max-iters 12 -o "$work/one"
losses "$work/one" > "$work/one.losses" && weights "$work/one" > "$work/one.weights"
check "two ranks train" ranks 2 new $tiny --max-iters 12 -o "$work/two"
compare two
check "four ranks with unequal parts" ranks 4 new $tiny --max-iters 12 -o "$work/four"
compare four
check "two ranks tune" ranks 2 tune -m "$work/one/model.gguf" --data "$work/text" -q \
    --batch-size 2 --block-size 16 --max-iters 1 -o "$work/tuned"
check "bench measures" sh -c "mpirun -np 2 '$train' bench --shape 1,32,48 --block-size 16 |
    grep -q 'of the multiply-add peak'"

# ---- Ends, and resuming --------------------------------------------------------------------------

children() { # of the process
    for stat in /proc/[0-9]*/stat; do
        awk -v of="$1" '$4 == of {print $1}' "$stat" 2> "$work/said"
    done
}
# NAME SIGNAL: sends it to one of two ranks when they have taken some steps; the exit code.
signal_one() {
    mpirun -np 2 --bind-to none "$train" new $tiny --max-iters 1000000 --eval-interval 0 \
        -o "$work/$1" > "$work/$1.out" 2>&1 &
    while [ "$(cat "$work/$1/train.jsonl" 2> "$work/said" | wc -l)" -lt 5 ]; do
        kill -0 $! 2> "$work/said" || break
    done
    kill "$2" "$(children $! | tail -n 1)"
    timeout 60 tail --pid=$! -f /dev/null || touch "$work/hung"
    kill -9 $! 2> "$work/said" # if it hangs
    wait $!
}
signal_one stopped -TERM
check "a signal to one rank ends both with 130" [ $? = 130 ]
check "and with a checkpoint" [ -s "$work/stopped/train.state" ]
step=$(tail -n 1 "$work/stopped/train.jsonl" | field step)
more() { "$@" resume "$work/stopped" -q -t 1 --max-iters $((step + 3)) --kernels scalar; }
cp -r "$work/stopped" "$work/before"
check "two ranks resume" more ranks 2
mv "$work/stopped" "$work/by-two" && mv "$work/before" "$work/stopped"
check "one process resumes what two have begun" more "$train"
losses "$work/by-two" > "$work/by-two.losses" && losses "$work/stopped" > "$work/by-one.losses"
check "to the same losses" same_numbers "$work/by-two.losses" "$work/by-one.losses"
signal_one killed -KILL
check "a killed rank ends the other" [ ! -e "$work/hung" ]
check "with a line that says so" grep -q 'on signal 9' "$work/killed.out"

# ---- Mistakes ------------------------------------------------------------------------------------

ours() { grep -c '^nomul-train: ' "$work/out"; }
says_once() { # EXIT-CODE WORDS COMMAND...: fails with it, and one line of ours has these words
    code=$1 words=$2 && shift 2
    "$@" > "$work/out" 2>&1
    got=$?
    cat "$work/out"
    [ "$got" = "$code" ] && [ "$(ours)" = 1 ] && grep -qF -- "nomul-train: $words" "$work/out"
}
check "a mistake in the options" says_once 2 "--batch-size x: expected" ranks 2 new --batch-size x
check "a folder in use" says_once 2 "$work/one/train.state: there is a training already" \
    ranks 2 new $tiny -o "$work/one"
check "too few streams" says_once 2 "--batch-size 6: expected at least 7, one stream for each" \
    ranks 7 new $tiny -o "$work/x1"
check "a rate that is too high" says_once 1 "step " ranks 2 new $tiny --learning-rate 10 \
    --grad-clip 0 --weight-decay 10 --warmup-iters 0 --beta1 0 --beta2 0 -o "$work/x2"
unlike() { # OPTIONS-OF-RANK-1 WORDS: of its one line
    says_once "$1" "$3" timeout 60 mpirun -np 1 "$train" bench --kernels scalar : \
        -np 1 "$train" bench $2
}
check "a mistake in the options of one rank" unlike 2 "--kernels nine" "rank 1: kernels nine: "
others=$("$train" bench --kernels nine 2>&1 | sed -n 's/.*which has scalar, \([a-z0-9]*\).*/\1/p')
if [ "$others" ]; then
    check "ranks with other kernels" unlike 1 "--kernels $others" "ranks have other kernels"
fi

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
