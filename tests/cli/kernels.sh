# --kernels and NOMUL_KERNELS: all give the same bits; a name that is none is misuse.
m=models/tiny.gguf
hash() { nomul logits -m $m --ids 1,2,3,4,5 --hash "$@"; }
hash > best
hash --kernels scalar | cmp - best
NOMUL_KERNELS=scalar hash | cmp - best
NOMUL_KERNELS=nonsense hash --kernels scalar | cmp - best
NOMUL_KERNELS='' hash | cmp - best
refuse() { try "$@" 2>&1 | sed 's/one of scalar[^;]*;/one of KERNELS;/'; }
refuse run -m no.gguf --kernels nonsense
refuse logits -m no.gguf --kernels nonsense --hash --ids 1
refuse bench -m no.gguf --kernels nonsense
NOMUL_KERNELS=nonsense
export NOMUL_KERNELS
refuse run -m no.gguf
