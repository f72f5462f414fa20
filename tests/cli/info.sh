# What is in a model file.
m=golden/small.gguf
# What a session takes is the library's business, which kernels there are the machine's.
try info $m --metadata --tensors |
    sed 's/[0-9.]* [kM]B for a session/SIZE for a session/
        s/[0-9.]* [kM]B for nomul/SIZE for nomul/; s/^kernels .*/kernels/'
try info -m $m --json | sed 's/"session_bytes":[0-9]*/"session_bytes":SIZE/
    s/"logits_bytes":[0-9]*/"logits_bytes":SIZE/
    s/"kernels":"[a-z0-9_]*","best_packing":"t[45]"/"kernels":"K","best_packing":"T"/'
# Of two files in two packings one is as these kernels like it.
for t in golden/small.gguf golden/small-t5.gguf; do nomul info $t | grep '^kernels'; done |
    sed 's/[a-z0-9_]*, which prefer t[45]/K, which prefer T/; s/[0-9.]*bit/N/' | sort
try info $m --check-tensors | grep checked
nomul info $m --check-tensors --json | grep -c '"checked":true'
for m in models/tiny.gguf models/stories-14m.gguf models/stories-77m.gguf; do
    need $m
    # It fits a screen.
    nomul info $m | awk 'length > 80 {print "wide: " $0} END {if (NR > 23) print NR " lines"}'
    nomul info $m --check-tensors | grep -E '^(network|parameters|ternary|checked)'
done
# What a terminal would obey is printed as escapes: an ESC, DEL, C1, bidirectional marks, a newline.
printf 'a\033[2J\177\302\233\342\200\256b\342\201\246\n"\\\302\240\303\251' > name
nomul convert golden/small -q -o name.gguf --name "$(cat name)"
nomul info name.gguf --metadata | grep name
nomul info name.gguf --json | tr ',' '\n' | grep '"name":"a'
