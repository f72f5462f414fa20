# Which sampling counts: the command line, the session, the model file, the default.
need models/tiny.gguf
nomul repack models/tiny.gguf -q -o a.gguf --sampling top-k=7 --sampling temperature=0.5
nomul info a.gguf --metadata | grep sampling
settings() { nomul "$@" --json | tr ',' '\n' | grep -E '"(temp|top_k|min_p)"' | tr '\n' ' '; echo; }
saved() { nomul run -q -p a -n 1 --save-session s.nms "$@" > out && settings session s.nms; }
saved -m models/tiny.gguf
saved -m a.gguf
saved -m a.gguf --temp 2
saved -m a.gguf --temp 0.8 # given, though it is the default
nomul run -q -m a.gguf -p a -n 1 --min-p 0.25 --top-k 9 --save-session old.nms > out
saved -m a.gguf --load-session old.nms
saved -m models/tiny.gguf --load-session old.nms --top-k 3

# A batch and -i begin with the same; a line and /set come first.
nomul run -q -m a.gguf -p "a b" -n 9 -s 5 > one
printf '{"prompt":"a b"}\n{"prompt":"a b","top_k":40,"temperature":0.8}\n' |
    nomul batch -q -m a.gguf -n 9 -s 5 | sed 's/.*"tokens":\(\[[^]]*\]\).*/\1/' > tokens
nomul run -q -m a.gguf -p "a b" -n 9 -s 5 --json |
    sed 's/.*"tokens":\(\[[^]]*\]\).*/\1/' > tokens_one
sed 1q tokens | cmp - tokens_one
sed 1d tokens | cmp -s - tokens_one && echo "a line changes nothing"
printf '/set\n/set top-k 4\n/set\n' | nomul run -i -q -m a.gguf -n 1 -s 5 2>&1
nomul run -q -m models/tiny.gguf -p "a b" -n 9 -s 5 --top-k 7 --temp 0.5 | cmp - one
nomul run -q -m a.gguf -p "a b" -n 9 -s 5 --top-k 40 --temp 0.8 > two
nomul run -q -m models/tiny.gguf -p "a b" -n 9 -s 5 | cmp - two
cmp -s one two && echo "the options change nothing"

# Later ones replace earlier ones, the rest stays; packing and sampling in one go.
nomul repack a.gguf -q -o b.gguf --sampling top-k=8 --pack 1.6bit
nomul info b.gguf --metadata | grep -E 'sampling|packing'
nomul repack b.gguf -q -o b.gguf --pack 2bit --sampling top-k=7
nomul info b.gguf --metadata --check-tensors | grep -E 'sampling|checked'

for words in temp temp= =3 tmp=1 seed=3 top-p=2 top-k=x; do
    try repack a.gguf -o c.gguf --sampling $words
done
try repack a.gguf -o c.gguf
ls
