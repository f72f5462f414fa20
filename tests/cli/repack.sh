# One model, two packings: the same logits, the same file after the way there and back.
need models/stories-77m.gguf
hash() { nomul logits -m $1 --ids 1,2,17,299,0 --hash; }
packing() { nomul info "$@" | grep -E '^(ternary|model id|checked)'; }
cp golden/small.gguf a.gguf
try repack a.gguf -o b.gguf --pack 1.6bit | sed 's/in [0-9.]* m\{0,1\}s$/in TIME/'
packing a.gguf --check-tensors
packing b.gguf --check-tensors
cmp b.gguf golden/small-t5.gguf
nomul convert golden/small -q -o b.gguf --pack 1.6bit
cmp b.gguf golden/small-t5.gguf
nomul convert golden/small -q -o b.gguf --pack 2bit
cmp b.gguf a.gguf
[ "$(hash a.gguf)" = "$(hash golden/small-t5.gguf)" ] || echo "other logits"

nomul repack b.gguf -qo b.gguf --pack 1.6bit # in place
cmp b.gguf golden/small-t5.gguf
nomul repack b.gguf -qo b.gguf --pack 1.6bit
cmp b.gguf golden/small-t5.gguf
nomul repack b.gguf -qo b.gguf --pack=2bit
cmp b.gguf a.gguf
there() { # MODEL PACK
    nomul repack $1 -qo other.gguf --pack $2
    packing other.gguf
    [ "$(hash $1)" = "$(hash other.gguf)" ] || echo "$1: other logits"
}
there models/stories-77m.gguf 2bit # the way back takes long
there models/tiny.gguf 1.6bit
nomul repack other.gguf -qo back.gguf --pack 2bit
cmp back.gguf models/tiny.gguf
rm other.gguf back.gguf

# Damage is found, and the old file stays.
{ head -c 15430 a.gguf; printf '\377'; tail -c +15432 a.gguf; } > wrong.gguf
try repack wrong.gguf -o b.gguf --pack 1.6bit
cmp b.gguf a.gguf
try repack wrong.gguf -o wrong.gguf --pack 2bit
ls
