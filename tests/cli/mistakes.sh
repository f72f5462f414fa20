# What people type first, and what they are told to type next.
need models/tiny.gguf
try version
try -ngl 99 -p Once
try run -ngl 99
try run -cnv
try run --n-gpu-layers=99
try chat
try serve
try quantize model.gguf
try 'Once upon a time'
try models/tiny.gguf
try run 'Once upon a time'
try run models/tiny.gguf
try tokenize Once
try info models/tiny.gguf two
try run -p Once -p upon
try run -m models/tiny.gguf -m models/tiny.gguf
try run --tmep 1
try run --tepm=1
nomul help help | head -n 1
nomul -p Once -m models/tiny.gguf -n 4 -s 1 -q > with
nomul run -p Once -m models/tiny.gguf -n 4 -s 1 -q | cmp - with
nomul -qm models/tiny.gguf -p Once -n4 -s1 | cmp - with

# Not a model, but what one is made of; a folder of the hub's cache.
try info golden/small
try run -m golden/small/model.safetensors -p Once
try repack golden/small -o x.gguf --pack 2bit
for folder in golden/small golden/SMALL-2/ . ..; do
    try convert $folder
done
mkdir -p hub/models--a--b/refs hub/models--a--b/snapshots
cp -R golden/small hub/models--a--b/snapshots/0123abcd
echo 0123abcd > hub/models--a--b/refs/main
nomul convert hub/models--a--b -q -o hub.gguf
nomul convert golden/small -q -o small.gguf
cmp hub.gguf small.gguf
echo 89 > hub/models--a--b/refs/main
try convert hub/models--a--b -o hub.gguf

# More of these.
try train
try -V
try batch lines.txt
try perplexity text.txt
mkdir -p bare/snapshots/0123abcd
try convert bare -o x.gguf

# A message names the option that was typed.
try repack models/tiny.gguf -o x.gguf
for sampling in foo=1 temp=x temp=-1 tmep=1; do
    try repack models/tiny.gguf -o x.gguf --sampling $sampling
done
printf '%s\n' '/set foo 1' '/set tmep 1' '/set temp x' '/set n' |
    nomul run -i -q -m models/tiny.gguf 2>&1
try batch -p Once
try perplexity --prompt Once
try bench -m models/tiny.gguf --pack 1.6bit
try logits --ids , --hash
try info models/tiny.gguf -m models/tiny.gguf
nomul help --help | head -n 1

# A session is not a model, a model is not a session.
nomul run -m models/tiny.gguf -p Once -n 1 -s 1 -q --save-session x.nms > saved
try info x.nms
try run -m x.nms -p Once
try session models/tiny.gguf
try run -m models/tiny.gguf --load-session models/tiny.gguf
