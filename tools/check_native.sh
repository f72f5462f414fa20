#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A program that was built on another machine, on the system that it is for: the same bits as there.
#
#   check_native.sh write FOLDER PROGRAM      what PROGRAM computes becomes the reference
#   check_native.sh compare FOLDER PROGRAM    PROGRAM computes the same, and continues its session
set -u
do=$1 folder=$2 program=$3
cd "$(dirname "$0")/.." || exit 1
model=models/stories-77m.gguf
passed=0 failed=0

run() { "$program" run -m $model -q -n 12 "$@" < /dev/null; }

# keep NAME COMMAND...: the output of a command is that of the reference.
keep() {
    name=$1
    shift
    if [ "$do" = write ]; then
        "$@" > "$folder/$name"
    else
        "$@" | cmp - "$folder/$name"
    fi && [ -s "$folder/$name" ] && passed=$((passed + 1)) && return
    echo "FAIL $name"
    failed=$((failed + 1))
}

continued() { run --load-session "$folder/session" --save-session "$folder/$do.nms"; }
selftest() { "$program" selftest > "$folder/log" && echo equal; }
begin() { run -p 'Once upon a time' -s 7 --save-session "$folder/$do"; }
mkdir -p "$folder"
keep selftest selftest
keep hash "$program" logits -m $model --ids 1,2,3 --hash
keep begin begin
[ "$do" = compare ] || cp "$folder/write" "$folder/session"
keep session cat "$folder/$do"
keep end continued
keep end.nms cat "$folder/$do.nms"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
