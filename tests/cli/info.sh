# What is in a model file.
m=golden/small.gguf
# What a session takes is the library's business.
try info $m | sed 's/[0-9.]* [kM]B for a session/SIZE for a session/'
try info -m $m --json | sed 's/"session_bytes":[0-9]*/"session_bytes":SIZE/'
try info $m --check-tensors | grep checked
nomul info $m --check-tensors --json | grep -c '"checked":true'
for m in models/tiny.gguf models/stories-49m.gguf; do
    need $m
    nomul info $m --check-tensors | grep -E '^(network|parameters|ternary|checked)'
done
