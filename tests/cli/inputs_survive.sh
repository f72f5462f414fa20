# No output replaces a file that the same command reads: by whatever name, of whatever option, in
# every command.  What is documented to be replaced is.
cp golden/small.gguf m.gguf
cp golden/small.nms s.nms
cp -R golden/small dir
chmod -R u+w dir
echo Once > words
echo 1,2,3 > ids
for file in m.gguf s.nms words ids; do
    ln -s $file link-$file
    ln $file hard-$file
done
sums() { find . -type f ! -name sums ! -name after -exec cksum {} + | sort; }
sums > sums
kept() { sums | cmp - sums; }
run() { try run -m m.gguf -n 1 -q --no-display-prompt "$@"; }

for x in words ./words link-words hard-words "$PWD/words"; do
    run -f words --save-session $x
    run -f words --prompt-cache $x
    try logits -m m.gguf --hash -f words -o $x
done 2>&1 | sed "s|$PWD|HERE|g"
for x in m.gguf link-m.gguf hard-m.gguf; do
    run -p a --save-session $x
    run -p a --prompt-cache $x
    try logits -m m.gguf --ids 1 -o $x
done
NOMUL_MODEL=m.gguf
export NOMUL_MODEL
try logits --ids 1 -o hard-m.gguf
unset NOMUL_MODEL
for x in s.nms link-s.nms hard-s.nms; do run --load-session s.nms --save-session $x; done
for x in ids link-ids hard-ids; do try logits -m m.gguf --ids @ids -o $x; done
printf '/save %s\n' m.gguf link-words hard-s.nms |
    nomul run -i -m m.gguf -q -f words --load-session s.nms
kept

# All of a checkpoint, read or not; by links too.
echo '# A model' > dir/README.md
ln -s ../words dir/vocab.txt
mkdir other
ln dir/config.json other/hard
ln -s ../dir/tokenizer.json other/soft
cp golden/small/config.json blob
rm dir/generation_config.json 2> /dev/null
echo '{}' > blob
ln -s ../blob dir/generation_config.json
sums > sums
for x in dir/*.json dir/*.safetensors dir/tokenizer* dir/README.md dir/vocab.txt \
    ./dir/../dir/config.json other/hard other/soft blob; do
    try convert dir -o $x
done
kept

# A model file among them may be replaced, a file onto itself repacked, a cache renewed.
cp words dir/old.gguf
try convert dir -q -o dir/old.gguf
cp m.gguf dir/old.gguf
try convert dir -q -o dir/old.gguf
try convert dir -q -o dir/old.gguf
try repack m.gguf -q -o link-m.gguf --pack 1.6bit
try repack m.gguf -q -o m.gguf --pack 2bit
cmp m.gguf golden/small.gguf
run -p a --temp 0 --prompt-cache cache > out
run --temp 0 --prompt-cache cache >> out
nomul session cache | grep tokens
printf '/save cache\n' | nomul run -i -m m.gguf -q --prompt-cache cache
echo "[$?]"
