# A file that may not grow: one line, and what was there before stays.
not_on_windows "there is no ulimit -f"
m=models/tiny.gguf
# limited BLOCKS COMMAND...: through a pipe, as the limit holds for the file of this output too.
limited() { (
    ulimit -f "$1"
    shift
    try "$@"
) | cat; }
cp golden/small.gguf old
for command in "convert golden/small" "repack golden/small.gguf --pack 1.6bit"; do
    limited 8 $command -o old
    cmp old golden/small.gguf
done
limited 1 logits -m $m -f text.txt -o old
cmp old golden/small.gguf
# The details of an evaluation do not fit: its figures are printed all the same.
limited 1 eval -m $m -q -t 1 -f golden/eval/lines.jsonl --details details
ls
