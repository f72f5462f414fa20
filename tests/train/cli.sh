#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the trainer as a user does, on a tiny model and 30 KB of text.
#
#   cli.sh OUT      OUT/nomul-train, OUT/nomul and OUT/share/nomul-train.1 are tested
#   cli.sh -u OUT   renews tests/train/curve.txt
#
set -u
renew=0
if [ "$1" = -u ]; then renew=1 && shift; fi
bin=$1 train=$1/nomul-train nomul=$1/nomul page=$1/share/nomul-train.1
. tests/train/checks.sh

text=tests/golden/text/text.txt
head -c 30000 $text | sed '$d' > "$work/text"
tail -c 6000 $text | sed 1d > "$work/valid"
tiny="--shape 2,48,80 --tokenizer tests/golden/plain --data $work/text --batch-size 4"
tiny="$tiny --block-size 24 --learning-rate 4e-3 --warmup-iters 5 -q"
new() { "$train" new $tiny "$@"; }

# ---- The curve: bit for bit with the scalar kernels ----------------------------------------------

new --kernels scalar --max-iters 200 --eval-interval 0 -o "$work/curve"
field loss < "$work/curve/train.jsonl" > "$work/losses"
if [ $renew = 1 ]; then cp "$work/losses" tests/train/curve.txt; fi
check "200 losses are those of tests/train/curve.txt" cmp "$work/losses" tests/train/curve.txt
check "training lowers the loss" awk 'NR == 1 {a = $1} {b = $1} END {exit !(b < a - 1)}' \
    "$work/losses"

# ---- Threads, kill and resume --------------------------------------------------------------------

steps="--max-iters 24 --eval-interval 0 --save-minutes 0.0000001 --lr-decay cosine"
steps="$steps --decay-data $work/valid"
new $steps -t 1 -o "$work/whole"
new --max-iters 2 --data "$work/valid=2" --decay-data "$work/valid" -o "$work/both"
{ echo '<|doc|>' && cat "$work/valid" && printf '<|doc|>\r\n<|doc|>'; } > "$work/edges"
new --max-iters 1 --eval-interval 0 --valid "$work/edges" -o "$work/edges-ids"
new --max-iters 1 --eval-interval 0 --valid "$work/valid" -o "$work/valid-ids"
check "separators at the edges make no documents" cmp "$work/edges-ids/valid.ids" \
    "$work/valid-ids/valid.ids"
check "a text in both mixes has the same ids" cmp "$work/both/data-1.ids" "$work/both/decay-0.ids"
new $steps -t 3 -o "$work/threads"
check "the same bits with 1 and 3 threads" same_state "$work/whole" "$work/threads"
for steps_before in 1 7 19; do
    rm -rf "$work/killed"
    "$train" new $tiny $steps -t 2 -o "$work/killed" &
    while kill -0 $! 2> "$work/said" && # a line of the log is written before a checkpoint
        [ "$(cat "$work/killed/train.jsonl" 2> "$work/said" | wc -l)" -le $steps_before ]; do
        :
    done
    kill -9 $! 2> "$work/said"
    wait $! 2> "$work/said"
    check "a killed training resumes" "$train" resume "$work/killed" -q -t 2
    check "killed after $steps_before steps and resumed: the same bits" \
        same_state "$work/whole" "$work/killed"
done
"$train" new $tiny $steps -t 2 -o "$work/stopped" &
while [ ! -s "$work/stopped/train.jsonl" ]; do kill -0 $! || break; done
kill -TERM $! # a shell's background jobs ignore Ctrl-C's signal
wait $!
check "a signal ends it with 130" [ $? = 130 ]
check "a stopped training resumes" "$train" resume "$work/stopped" -q
check "stopped and resumed: the same bits" same_state "$work/whole" "$work/stopped"

# One training in a folder at a time, whatever became of the last.
"$train" new $tiny $steps --max-iters 1000000 -o "$work/locked" &
for _ in $(seq 200); do [ -s "$work/locked/train.state" ] || sleep 0.1; done
check "a second training of a folder is refused" says 1 "another nomul-train is at work" \
    new -o "$work/locked"
check "and so is resuming it" says 1 "$work/locked: another nomul-train is at work" \
    "$train" resume "$work/locked" -q --max-iters 1
kill -9 $!
wait $! 2> "$work/said"
check "not when the first one was killed" "$train" resume "$work/locked" -q --max-iters 1

# A checkpoint that does not fit on the disk leaves the one before.
new $steps --max-iters 12 -o "$work/full"
cp "$work/full/train.state" "$work/before"
check "a full disk is an error" sh -c "ulimit -f 64; exec '$train' resume '$work/full' -q \
    --max-iters 13 --save-minutes 0 2>&1 | grep -q 'train.state: .*resume $work/full continues'"
check "and leaves the last checkpoint" cmp "$work/full/train.state" "$work/before"
printf '{"step":13,"lo' >> "$work/full/train.jsonl"
check "from which it resumes" "$train" resume "$work/full" -q --max-iters 13
check "and a line that was cut off stays by itself" \
    [ "$(tail -n 1 "$work/full/train.jsonl" | cut -c 1-17)" = '{"step":13,"loss"' ]

new --minutes 0.01 --valid "$work/valid" -o "$work/minutes"
check "--minutes ends a training" [ -s "$work/minutes/model.gguf" ]
printf '{"model_type": "hgrn_bit", "vocab_size": 512, "hidden_size": 40, "num_hidden_layers": 1,
    "intermediate_size": 50}' > "$work/config.json"
check "--config gives the shape" "$train" new --config "$work/config.json" \
    --tokenizer tests/golden/plain --data "$work/text=2" --data "$work/valid=1" --max-iters 2 -q \
    --batch-size 3 --block-size 8 --products int16 -o "$work/config"
check "and the folder says so" grep -q '"hidden_size": 40' "$work/config/config.json"

# ---- What is written -----------------------------------------------------------------------------

new --max-iters 30 --eval-interval 15 --valid "$work/valid" -o "$work/valid-run"
check "nomul convert reads the folder" "$nomul" convert "$work/valid-run" -o "$work/a.gguf" -q
check "and makes the same model file" cmp "$work/a.gguf" "$work/valid-run/model.gguf"
ours=$(tail -n 1 "$work/valid-run/train.jsonl" | field valid_nats)
theirs=$("$nomul" perplexity -m "$work/a.gguf" -f "$work/valid" --separator '<|doc|>' --json \
    2> "$work/said" | field nats_per_token)
check "the loss is that of nomul perplexity: $ours, $theirs" close_to "$ours" "$theirs"
check "the model file is sound" "$nomul" info -m "$work/a.gguf" --check-tensors

tune() { "$train" tune --data "$work/text" --valid "$work/valid" --batch-size 2 --block-size 16 \
    --max-iters 1 -q "$@"; }
"$nomul" repack "$work/a.gguf" -o "$work/wise.gguf" -q --sampling temp=0.7 \
    --sampling repeat-penalty=1.1
"$train" tune -m "$work/wise.gguf" --data "$work/text" --max-iters 1 -q -o "$work/wise"
recommended() { "$nomul" info -m "$1" --json | tr ',' '\n' | grep -o '"general.sampling[^}]*'; }
check "a tuned model recommends what the model did" \
    [ "$(recommended "$work/wise/model.gguf")" = "$(recommended "$work/wise.gguf")" ]
"$nomul" convert "$work/valid-run" -o "$work/named.gguf" -q --name "a b"
tune -m "$work/named.gguf" -o "$work/named"
"$train" resume "$work/named" -q --max-iters 2
"$nomul" convert "$work/named" -o "$work/named-too.gguf" -q --name "a b"
check "a tuned model has the name that the model had" cmp "$work/named-too.gguf" \
    "$work/named/model.gguf"
tune -m "$work/named.gguf" -o "$work/renamed" --name c
"$nomul" convert "$work/renamed" -o "$work/named-too.gguf" -q --name c
check "or the one that --name says" cmp "$work/named-too.gguf" "$work/renamed/model.gguf"
"$nomul" convert "$work/wise" -o "$work/wise-too.gguf" -q
check "and so does its folder" cmp "$work/wise-too.gguf" "$work/wise/model.gguf"
tune -m "$work/a.gguf" -o "$work/tuned"
first=$(head -n 1 "$work/tuned/train.jsonl" | field valid_nats)
check "tune begins at the model file's loss: $first, $ours" close_to "$first" "$ours"
check "its tokenizer is the model's" "$nomul" convert "$work/tuned" -o "$work/b.gguf" -q
# Added tokens that are plain control tokens go along; others cannot.
cp -r "$work/valid-run" "$work/added"
token() { printf '"%s": {"content": "%s", "special": %s}' "$@"; }
printf '{"add_bos_token": true, "added_tokens_decoder": {%s, %s, %s}}' "$(token 0 '<unk>' true)" \
    "$(token 1 '<s>' true)" "$(token 2 '</s>' true)" > "$work/added/tokenizer_config.json"
"$nomul" convert "$work/added" -o "$work/added.gguf" -q
check "a model file with added tokens" tune -m "$work/added.gguf" -o "$work/tuned-added"
added() { "$nomul" info "$1" --metadata | grep -c 'added_token_[ai].* 3 of u32'; }
check "keeps them" [ "$(added "$work/added.gguf") $(added "$work/tuned-added/model.gguf")" = "2 2" ]
printf '{"added_tokens_decoder": {%s}}' "$(token 300 "$("$nomul" tokenize --decode -p 300 \
    -m "$work/a.gguf" | tr -d ' ')" false)" > "$work/added/tokenizer_config.json"
"$nomul" convert "$work/added" -o "$work/added.gguf" -q
check "a token that is no control token" says 1 "is not a plain control token" \
    tune -m "$work/added.gguf" -o "$work/x10"
tune -m "$work/valid-run" -o "$work/tuned2"
first=$(head -n 1 "$work/tuned2/train.jsonl" | field valid_nats)
check "tune begins at the folder's loss: $first, $ours" close_to "$first" "$ours"

"$train" new --shape 2,48,80 --tokenizer tests/golden/plain --data - --block-size 8 --batch-size 2 \
    --max-iters 1 -q -o "$work/stdin" < "$work/text"
"$train" new --shape 2,48,80 --tokenizer tests/golden/plain --data "$work/text" --block-size 8 \
    --batch-size 2 --max-iters 1 -q -o "$work/file"
check "standard input is read as a file" same_state "$work/stdin" "$work/file"

check "bench measures" sh -c "'$train' bench --shape 1,32,48 --batch-size 2 --block-size 16 |
    grep -q 'of the multiply-add peak'"
if command -v python3 > "$work/said"; then
    check "plot_training.py draws" sh -c "python3 tools/plot_training.py '$work/curve/train.jsonl' |
        python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.stdin)'"
    check "and skips a line that is cut off" python3 tools/plot_training.py "$work/full/train.jsonl"
fi
"$train" --help > "$work/help"
for option in $(sed -n 's/^TRAIN_OPTION([A-Z]*, [a-z0-9_]*, "\([^"]*\)".*/\1/p' \
    src/train/train_options.def); do
    check "--help has --$option" grep -q -- "--$option " "$work/help"
    check "nomul-train(1) has --$option" \
        grep -q "^.fB.*.-.-$(echo "$option" | sed 's/-/.-/g').fR" "$page"
done
install() { PART=train VERSION=0 sh tools/install.sh "$1" "$2" /usr "$work/root" > "$work/list"; }
installed() { (cd "$work/root" && find . -type f | sort | tr '\n' ' '); }
check "install-train" install install "$bin"
check "what it installs" [ "$(installed)" = \
    "./usr/bin/nomul-train ./usr/share/man/man1/nomul-train.1 " ]
check "uninstall-train" install uninstall "$bin"
check "what it leaves" [ "$(installed)" = "" ]
version=$(sed -n 's/.*define NOMUL_VERSION "\(.*\)"/\1/p' include/nomul.h)
check "--version" [ "$("$train" --version)" = "nomul-train $version" ]
if command -v mandoc > "$work/said"; then
    check "nomul-train(1) is valid" \
        sh -c "! mandoc -T lint '$page' | grep -v STYLE"
fi

# ---- Mistakes ------------------------------------------------------------------------------------

: > "$work/empty"
printf 'good\nbad \377\n' > "$work/latin1"
check "no command" says 2 "new, tune, resume or bench" "$train" learn
check "no such option" says 2 "--learningrate: no such option" new --learningrate 1 -o "$work/x"
check "a number that is none" says 2 "--batch-size x: expected a whole number from 1" \
    new --batch-size x -o "$work/x"
for option in -m --config --tokenizer --data --decay-data --valid -o --log; do
    check "$option ''" says 2 ": needs a value" "$train" new $option ''
done
newline='a
b'
check "a name of two lines" says 2 "--name cannot contain a newline" \
    new --name "$newline" -o "$work/x"
check "a separator of two lines" says 2 "--separator cannot contain a newline" \
    new --separator "$newline" -o "$work/x"
check "--data =2" says 2 "--data: the file name is empty" "$train" new --data =2
check "resume ''" says 2 "the name of the folder is empty" "$train" resume ''
check "no data" says 2 "needs --data FILE" "$train" tune -m "$work/a.gguf" -o "$work/x"
sed 's/512/300/' "$work/config.json" > "$work/small.json"
check "a vocabulary too small for the tokenizer" says 1 "vocab_size 300: " "$train" new \
    --config "$work/small.json" --tokenizer tests/golden/plain --data "$work/text" -o "$work/x0"
check "a log on a full disk" says 1 "the log is not complete" \
    new --max-iters 2 -o "$work/no-room" --log /dev/full
check "resume with other data" says 2 "--data: the folder to resume has its own" \
    "$train" resume "$work/whole" --data x
OMPI_COMM_WORLD_SIZE=2
export OMPI_COMM_WORLD_SIZE
check "mpirun without MPI" says 1 "make train MPI=1" new -o "$work/x1"
unset OMPI_COMM_WORLD_SIZE
printf '<|doc|>\n\n<|doc|>\n' > "$work/no-text"
check "separators alone" says 1 "$work/no-text: is empty" new --data "$work/no-text" -o "$work/x1"
check "empty data" says 1 "$work/empty: is empty" new --data "$work/empty" -o "$work/x1"
check "not UTF-8" says 1 "line 2: byte 9 is not UTF-8" new --data "$work/latin1" -o "$work/x2"
check "no such file" says 1 "$work/none" new --data "$work/none" -o "$work/x3"
check "a folder in use" says 2 "resume $work/whole" new -o "$work/whole"
mkdir "$work/given"
cp "$work/whole/config.json" "$work/whole/tokenizer.model" "$work/whole/model.safetensors" \
    "$work/given"
check "a model's own folder" says 2 "$work/given/model.safetensors: is a model that no training" \
    tune -m "$work/given" -o "$work/given"
check "keeps its model" cmp "$work/given/model.safetensors" "$work/whole/model.safetensors"
check "and has nothing else" [ ! -e "$work/given/train.lock" ]
mkdir "$work/given2" && cp "$work/a.gguf" "$work/given2/model.gguf"
check "as does a model file's" says 2 "$work/given2/model.gguf: is a model that no training" \
    tune -m "$work/given2/model.gguf" -o "$work/given2"
check "what cannot change" says 2 "--batch-size: cannot be changed" \
    "$train" resume "$work/whole" --batch-size 2
check "no training" says 1 "$work/x9/train.state" "$train" resume "$work/x9"
too_high="--learning-rate 10 --grad-clip 0 --weight-decay 10 --warmup-iters 0 --beta1 0 --beta2 0"
again="a lower --learning-rate is needed.*; there is no checkpoint yet: begin again"
on="a lower --learning-rate is needed.*; the last checkpoint is intact: nomul-train resume"
says_like() { # REGEX COMMAND...
    like=$1 && shift
    says 1 "" "$@" && grep -q "$like" "$work/out"
}
check "a rate that is too high" says_like "$again" new --max-iters 40 $too_high -o "$work/x4"
check "such a rate later" says_like "$on" "$train" resume "$work/full" --max-iters 99 $too_high -q
like="a lower --learning-rate is needed; resuming from the checkpoint of step .* would fail again"
check "a checkpoint that leads there" says_like "$like" \
    new --max-iters 60 --learning-rate 10 --save-minutes 1e-9 -o "$work/x20"
check "and resuming it" says_like "$like" "$train" resume "$work/x20" --learning-rate 1e-6 -q

# What did not begin leaves nothing, but for a folder that was there.
leaves_nothing() { # OPTIONS...
    new -o "$work/gone" "$@" > "$work/out" 2>&1
    [ $? != 0 ] && [ ! -e "$work/gone" ]
}
check "empty data leaves no folder" leaves_nothing --data "$work/empty"
check "nor does data that is not UTF-8" leaves_nothing --data "$work/latin1"
check "nor too few streams" leaves_nothing --decay-data "$work/valid" --decay-data "$work/valid" \
    --valid "$work/valid" --batch-size 1
check "nor a log that cannot be written" leaves_nothing --log "$work/none/log"
mkdir "$work/here"
check "a folder that was there stays" says 1 "$work/none/log: cannot be written" \
    new --valid "$work/valid" --log "$work/none/log" -o "$work/here"
check "and can be used" new --max-iters 1 -o "$work/here"
check "without the text that the other one was to be measured on" [ ! -e "$work/here/valid.ids" ]
for weight in 0 -1 nan 1e9; do
    check "the weight $weight" says 2 "--data: $work/text=$weight: the weight $weight: expected" \
        new --data "$work/text=$weight" -o "$work/x5"
done
check "no tokenizer" says 1 "$work: has neither tokenizer.model nor tokenizer.json, of which" \
    new --tokenizer "$work" -o "$work/x5"
check "no such folder" says 1 "$work/none: No such file" new --tokenizer "$work/none" -o "$work/x5"
check "a shape that is too large" says 2 "--shape: key hgrn_bit.block_count: is 99999" \
    new --shape 99999,32,48 -o "$work/x5"
check "a model that is too large" says 1 "GiB, " "$train" bench --shape 64,16384,45056
cp -r "$work/here" "$work/no-tokenizer" && rm "$work/no-tokenizer/tokenizer.model"
check "a model without a tokenizer" says 1 "$work/no-tokenizer: has neither tokenizer.model" \
    tune -m "$work/no-tokenizer" -o "$work/x5"
printf 'bell \a, CSI \302\2333m, half \303' > "$work/prompt"
check "a sample is visible text" sh -c "'$train' tune -m '$work/a.gguf' --data '$work/text' \
    --max-iters 1 --batch-size 1 --block-size 8 --sample \"\$(cat '$work/prompt')\" \
    -o '$work/visible' 2>&1 | grep -qF '    bell \x07, CSI \xC2\x9B3m, half \xC3'"
"$train" tune -m "$work/a.gguf" --data "$work/text" --max-iters 1 --batch-size 1 --block-size 8 \
    --sample 'back\\slash \n
second line' -q -o "$work/lines"
check "a sample of two lines is saved" sh -c "'$train' resume '$work/lines' --max-iters 2 2>&1 |
    grep -A 1 -F 'back\\\\slash \\n' | grep -q '^second line'"
check "a vocabulary that is too small" says 2 "--shape: vocabulary 2: expected at least 4" \
    "$train" bench --shape 1,32,48,2
check "a shape and a config" says 2 "expected one of them" \
    new --config "$work/config.json" -o "$work/x5"
check "a model for new" says 2 "is for tune" new -m "$work/a.gguf" -o "$work/x5"
check "a shape for tune" says 2 "are for new" tune -m "$work/a.gguf" --shape 1,2,3 -o "$work/x5"
check "standard input twice" says 2 "standard input is one text" \
    new --data - --valid - -o "$work/x5"
check "a sample that cannot be saved" says 2 "too long to be saved" \
    new --sample "$(head -c 5000 "$work/text" | tr '\n' ' ')" -o "$work/x5"
check "a file instead of a folder" says 1 "is not a folder" new -o "$work/text"
head -c 5000 "$work/whole/train.state" > "$work/part" && cp "$work/part" "$work/whole/train.state"
check "a state that is cut off" says 1 "is cut off" "$train" resume "$work/whole"

echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
