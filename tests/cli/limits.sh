# What a file or a line may cost is bounded: a sparse file of a terabyte, an endless pipe and a line
# that wants everything are refused at once, in one line.  (ulimit: two seconds of CPU at most.)
ulimit -t 20 2> /dev/null || skip 'no limit of CPU time here'
[ -z "$RUN" ] || skip 'an emulator has no room to map a terabyte'
! grep -q __tsan_init "$program" || skip 'a thread sanitizer may have no room to map a terabyte'
huge() { dd if=/dev/null of="$1" bs=1048576 seek=1048576 count=0 2> /dev/null; }
huge sparse || skip 'this file system has no files of a terabyte'
m=golden/small.gguf
for file in m.gguf s.nms; do
    cp golden/small.${file#*.} $file
    huge $file
done
# A line has a limit of its own, or where memory is short that of a text.
short='a text of more than [0-9]* bytes: each takes .*'
lines() { sed "s/$short/a line of more than 67108864 bytes/"; }
numbers() {
    sed "s/line 1: $short/line 1: a line of more than 67108864 bytes/
        s/than [0-9]* bytes: each/than N bytes: each/; s/,[0-9]*\$//"
}

for file in sparse m.gguf; do
    try info $file
    try info $file --check-tensors --json
    try run -m $file -p x -n 1 --no-mmap
    try repack $file -o x --pack 1.6bit
done
try session s.nms
try run -m $m -q -n 1 --load-session s.nms
for command in "run -q -n 1 -f sparse" "tokenize -f sparse" "tokenize --decode -f sparse" \
    "logits --hash -f sparse" "logits --hash --ids @sparse" "perplexity -q -c 3 -f sparse" \
    "batch -f sparse"; do
    try $command -m $m
done | numbers
for file in config.json generation_config.json tokenizer_config.json special_tokens_map.json \
    tokenizer.json tokenizer.model model.safetensors model.safetensors.index.json; do
    rm -rf dir
    mkdir dir
    cp golden/small/* dir
    case $file in
    tokenizer.json) rm dir/tokenizer.model ;;
    model.safetensors.index.json) rm dir/model.safetensors ;;
    esac
    huge dir/$file
    try convert dir -o x
done

# Text without an end.
endless() { tr '\0' a < /dev/zero 2> /dev/null; }
{ echo a; endless; } | nomul batch -q -m $m -n 0 --no-timings -s 1 2>&1 | lines
endless | nomul run -i -q -m $m 2>&1 | lines

# One line of a batch wants 10^9 tokens, and another all there are.
cat > hog.jsonl << 'END'
{"prompt":"a","n_predict":1000000000}
{"prompt":"a","n_predict":-1}
{"prompt":"a","n_predict":2}
plain
END
nomul batch -m $m -q --temp 0 -l 2-inf -f hog.jsonl --max-predict 5 -n -1 |
    sed 's/.*"tokens":\(\[.*\]\),"finish_reason":"\([a-z]*\)".*/\1 \2/'
nomul batch -m $m -q --temp 0 -l 2-inf -f hog.jsonl --max-predict 0 |
    sed 's/.*"tokens":\(\[.*\]\),"finish_reason":"\([a-z]*\)".*/\1 \2/'
