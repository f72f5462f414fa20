# What happens to anybody once: the wrong file in the wrong place.  One line says it, before the
# first token, and what was there is as it was.
cp models/tiny.gguf tiny.gguf
m=tiny.gguf
run() { try run -m $m -q -p x -n 1 "$@"; }
: > empty
: > new
mkdir folder
echo Once > words
ln -s tiny.gguf link
cat tiny.gguf words > before

# As a session to go on with.
for file in folder empty words golden/small.gguf ''; do
    run --load-session "$file"
done
for file in folder empty words; do run --prompt-cache $file; done
for file in empty models golden/small/config.json golden/small/model.safetensors \
    golden/small-t5.gguf; do try session $file; done
try run -m golden/small.nms -p x
try session golden/small.nms -m golden/small.nms

# As a place for one.
for file in no/where folder folder/ ''; do
    run --temp 0 --save-session "$file"
done
run --save-session $m
run --save-session link
run --prompt-cache $m
try run -m $m -q -f words -n 1 --save-session words
try run -m $m -q -p x -f ./words -n 1 --load-session golden/small.nms --save-session words
try logits -m $m --ids 1 -o $m
try logits -m $m --ids 1 -o link
run --temp 0 -s 1 --save-session new # what is empty may be filled
try session new -m $m

# As a text to score.
try perplexity -m golden/small.nms -f words
for file in empty folder; do try perplexity -m $m -q -f $file; done
try perplexity -m $m -q -c 3 -f empty
for n in -1 1 2 x; do try perplexity -m $m -f words -c $n; done
try perplexity -m $m -q -f words -c 0
try perplexity -m $m -q -f words --separator ''
try perplexity -m $m -q -f words --separator "$(printf 'a\nb')"
try perplexity -m $m -q -f words --separator a --per-token -c 3
nomul perplexity -m $m -q -f golden/small.nms -c 100
head -c 1000 /dev/zero | nomul perplexity -m $m -q
head -c 5000 /dev/zero | tr '\0' a | nomul perplexity -m $m -q

cat tiny.gguf words | cmp - before
ls
