# No output replaces the file that is standard input or output, by whatever name.  The other inputs:
# inputs_survive.sh.
not_on_windows "wine gives a file of Unix as standard input no number: tests/windows/events.c"
cp golden/small.gguf m.gguf
echo Once > words
echo 1,2,3 > ids
ln -s ids link-ids
ln words hard-words
cksum m.gguf words ids > sums
nomul logits -m m.gguf --ids - -o link-ids < ids
nomul logits -m m.gguf -f - -o hard-words < words
nomul run -m m.gguf -q -n 1 --save-session words < words
nomul run -m m.gguf -q -n 1 --save-session words < words >> words
nomul tokenize -m m.gguf -p x --json > out
nomul run -m m.gguf -q -n 1 -p x --save-session out >> out
nomul convert golden/small -o hard-words < words
cksum m.gguf words ids | diff sums -
