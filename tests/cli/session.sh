# What is in a session file, and whether a model may go on with it.
s=golden/small.nms
try session $s
try session $s --json
try session $s -m golden/small-t5.gguf
try session $s -m golden/small.gguf --json
for m in models/tiny.gguf; do
    need $m
    try session $s -m $m
    try session $s -m $m --json
done
# What is no session, or no longer one.
try session no.nms
try session .
try session text.txt
try session golden/small.gguf -m golden/small.gguf
head -c 100 $s > cut.nms
try session cut.nms
(cat $s; echo) > longer.nms
try session longer.nms
(printf nomul; tail -c +6 $s) > magic.nms
try session magic.nms
(head -c 48 $s; printf 3; tail -c +50 $s) > other.nms # top-k
try session other.nms --json
try session $s -m no.gguf
