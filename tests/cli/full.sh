# Where what a command says can't be written: one line, exit 1.  Where nobody reads on: silence.
[ -c /dev/full ] || skip "there is no /dev/full"
m=models/tiny.gguf s=golden/small.nms
head -c 5000 text.txt > part.txt
full() {
    nomul "$@" > /dev/full < /dev/null
    echo "[$?] $1 to a full disk"
}
full run -m $m -q -p x -n 5
full run -m $m -q -p x -n 5 --json
full run -m $m -q -p x -n 5 --json --logprobs 2
full batch -m $m -q -f text.txt -n 3
full batch -m $m -q -f text.txt -n 3 --as-ready --parallel 3
full perplexity -m $m -q -f text.txt --per-token
full perplexity -m $m -q -f part.txt -c 64
for option in '' --json '--separator ==' '-c 64 --json'; do
    head -c 2000 text.txt | nomul perplexity -m $m -q $option > /dev/full
    echo "[$?] perplexity $option to a full disk"
done
full session $s
full session $s --json
full session $s -m golden/small.gguf
full tokenize -m $m -p x
full logits -m $m --ids 1 --hash
full info -m $m
full help
full --version

first() {
    { nomul "$@" < /dev/null; echo "[$?] $1 | head -1" > code; } | head -n 1 > line
    cat code
    [ "$(wc -l < line)" -le 1 ] || cat line
}
first run -m $m -q -p x -n 20000 --ignore-eos
first run -m $m -q -p x -n 5000 --json
first batch -m $m -q -f text.txt -n 3
first perplexity -m $m -q -f text.txt --per-token
first perplexity -m $m -q -f part.txt -c 64
first session $s
