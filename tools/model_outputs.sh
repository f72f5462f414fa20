#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What README.md and models/README.md quote of the included model, except for times: prints each
# command and its output, to renew the quotes when the model changes.
#
#   model_outputs.sh NOMUL MODEL
set -eu
nomul=$1
NOMUL_MODEL=$2
export NOMUL_MODEL
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

run() {
    printf '\n$ nomul %s\n' "$*"
    "$nomul" "$@" -q
    echo
}

echo "== models/README.md: the card"
"$nomul" info
"$nomul" perplexity -q -f tests/golden/text/text.txt --separator "<|doc|>"
"$nomul" perplexity -q -f tests/golden/text/text.txt -c 512
for seed in 1 2 3; do run run -p "Once upon a time" -n 200 -s $seed; done
run run -p "The old fox looked at the moon and said," -n 120 -s 1
sh tools/count_loops.sh "$nomul" "$NOMUL_MODEL"
echo "without penalty:"
sh tools/count_loops.sh "$nomul" "$NOMUL_MODEL" --repeat-penalty 1

echo "== README.md"
run run -p "Once upon a time" -n 12 -s 3 --save-session "$work/story.nms"
wc -c < "$work/story.nms"
run run --load-session "$work/story.nms" -n 12
printf '%s\n' "Lily found a small box." /retry "" " The cat" /undo " The dog" |
    "$nomul" run -i -n 14 -s 3 -q 2>&1
printf 'The cat\nThe dog\n' | "$nomul" batch -n 5 --temp 0 -s 1 -q --no-timings
for task in hellaswag arc openbookqa winogrande; do
    "$nomul" eval --task $task -f tests/golden/eval/$task.jsonl -q
done
