#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks the main claim of this project in the machine code: ternary products do not multiply.
#
#   check_no_mul.sh OBJECT...    objects of x86-64 or aarch64; fails on any multiply instruction
#   check_no_mul.sh --self-test  compiles some multiplications; each must be found
#
# OBJDUMP_X86_64= and OBJDUMP_AARCH64= name the disassemblers.
set -eu

host=$(uname -m)
OBJDUMP_X86_64=${OBJDUMP_X86_64-$([ "$host" = x86_64 ] || echo x86_64-linux-gnu-)objdump}
OBJDUMP_AARCH64=${OBJDUMP_AARCH64-$([ "$host" = aarch64 ] || echo aarch64-linux-gnu-)objdump}

# Parts of mnemonics that multiply, on both architectures: products (imul, mulps, pmulld,
# smull, gf2p8mulb, pclmulqdq), multiply-adds (pmaddubsw, vfmadd231ps, vfnmsub132sd, mla, msub),
# dot products and their matrix forms.  gf2p8affineqb is a table of parities: it may stay.
products='mul|mad|msub|msb|mneg|ml[as]|mop[as]|dot|^v?dp(p|bf)|^v?p?4?dp|^v4f|^tdp'

# Disassembles $1 by the machine that its ELF header names.
disassemble() {
    case $(od -An -tx1 -j18 -N2 "$1" | tr -d ' \n') in
    3e00) "$OBJDUMP_X86_64" -d --no-show-raw-insn "$1" ;;
    b700) "$OBJDUMP_AARCH64" -d --no-show-raw-insn "$1" ;;
    *) echo "$1: not an object of x86-64 or aarch64" >&2 && return 1 ;;
    esac
}

# Prints every multiplication in $1, and adds the number of its instructions to the counts.
check_object() {
    disassemble "$1" > "$scratch/listing" || return 1
    awk -v file="$1" -v products="$products" -v counts="$scratch/counts" '
        /^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3) }
        /^ *[0-9a-f]+:\t/ {
            n++
            sub(/^[^\t]*\t/, "")
            op = $1 ~ /^(lock|rep[a-z]*|data16|notrack|bnd|[c-g]s)$/ ? $2 : $1
            if (op ~ products) { printf "%s: %s: %s\n", file, name, $0; wrong = 1 }
        }
        END { print n + 0 >> counts; exit wrong }' "$scratch/listing"
}

# Objects of another architecture's kernels are empty; if all are, nothing has been checked.
check() {
    wrong=0
    : > "$scratch/counts"
    for object; do check_object "$object" || wrong=1; done
    n=$(awk '{n += $1} END {print n + 0}' "$scratch/counts")
    [ "$n" -gt 0 ] || { echo "no instructions in $*"; wrong=1; }
    [ "$wrong" = 1 ] || echo "$# objects, $n instructions, no multiplication"
    return "$wrong"
}

# count OK: adds one check to the sums.
count() {
    if [ "$1" = yes ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# plant WORD COMPILER FLAGS SOURCE: the object of this C source must be refused for the mnemonic
# WORD; if that is none, it must pass.
plant() {
    if ! command -v "$2" > /dev/null; then
        echo "SKIP $1: no $2"
        skipped=$((skipped + 1))
        return
    fi
    printf '%s\n' "$4" > "$scratch/plant.c"
    "$2" -O2 $3 -c -o "$scratch/plant.o" "$scratch/plant.c"
    if check "$scratch/plant.o" > "$scratch/log"; then found=none; else found=$1; fi
    if [ "$found" = "$1" ] && { [ "$1" = none ] || grep -q ": f: $1" "$scratch/log"; }; then
        count yes
    else
        echo "FAIL $2: $1: $(cat "$scratch/log")"
        count no
    fi
}

# Every line of $3, assembled alone, must be found.
plant_each() {
    echo "$3" > "$scratch/lines"
    while read -r line; do
        plant "${line%%[ .]*}" "$1" "$2" "__asm__(\"f: $line\");"
    done < "$scratch/lines"
}

self_test() {
    passed=0 failed=0 skipped=0
    x86_cc=cc arm_cc=aarch64-linux-gnu-gcc
    [ "$host" != aarch64 ] || x86_cc=x86_64-linux-gnu-gcc arm_cc=cc

    for compiler in $x86_cc $arm_cc; do
        plant none $compiler '' 'int f(int a, int b) { return (a << 3) + b - (a >> 1); }'
        plant 'i*mul' $compiler '' 'int f(int a, int b) { return a * b; }'
        plant 'f*mul' $compiler '' 'float f(float a, float b) { return a * b; }'
    done
    plant_each $x86_cc '' "$planted_x86"
    plant_each $arm_cc '-march=armv8.6-a+sve2+crypto' "$planted_aarch64"

    # Instructions that only look like a multiplication, and data.
    plant none $x86_cc '' '__asm__("f: gf2p8affineqb $0, %xmm0, %xmm1; psadbw %xmm0, %xmm1");'
    plant none $arm_cc '' '__asm__("f: saddlp v0.8h, v1.16b; smov x0, v0.b[1]");'
    printf 'no object' > "$scratch/text"
    if check "$scratch/text" > /dev/null 2>&1; then count no; else count yes; fi
    cc -x c -c -o "$scratch/empty.o" /dev/null
    if check "$scratch/empty.o" > /dev/null; then count no; else count yes; fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}

planted_x86='mul %ecx
imul %rcx,%rax
imul $17,%rcx,%rax
mulb (%rax)
mulx %rax,%rcx,%rdx
mulpd %xmm0,%xmm1
vmulps %ymm0,%ymm1,%ymm2
vmulsd %xmm0,%xmm1,%xmm2
pmulld %xmm0,%xmm1
vpmullw %ymm0,%ymm1,%ymm2
vpmuludq %zmm0,%zmm1,%zmm2
vpmulhrsw %ymm0,%ymm1,%ymm2
vpmullq %zmm0,%zmm1,%zmm2
pmaddwd %xmm0,%xmm1
vpmaddubsw %ymm0,%ymm1,%ymm2
vpmadd52luq %zmm0,%zmm1,%zmm2
dpps $1,%xmm0,%xmm1
vpdpbusd %zmm0,%zmm1,%zmm2
vpdpwssds %ymm0,%ymm1,%ymm2
vdpbf16ps %zmm0,%zmm1,%zmm2
vfmadd231ps %ymm0,%ymm1,%ymm2
vfnmsub132sd %xmm0,%xmm1,%xmm2
vfmaddsub213pd %zmm0,%zmm1,%zmm2
vgf2p8mulb %zmm0,%zmm1,%zmm2
gf2p8mulb %xmm0,%xmm1
pclmullqhqdq %xmm0,%xmm1
fmulp'

planted_aarch64='mul x0,x1,x2
mneg x0,x1,x2
madd x0,x1,x2,x3
msub w0,w1,w2,w3
smull x0,w1,w2
umull x0,w1,w2
smaddl x0,w1,w2,x3
umsubl x0,w1,w2,x3
smulh x0,x1,x2
umulh x0,x1,x2
mul v0.8h,v1.8h,v2.8h
mla v0.4s,v1.4s,v2.4s
mls v0.4s,v1.4s,v2.s[1]
smull v0.8h,v1.8b,v2.8b
smull2 v0.8h,v1.16b,v2.16b
umlal v0.4s,v1.4h,v2.4h
smlsl2 v0.4s,v1.8h,v2.8h
sqdmulh v0.4s,v1.4s,v2.4s
sqrdmlah v0.4s,v1.4s,v2.4s
sqdmlal v0.4s,v1.4h,v2.4h
pmul v0.16b,v1.16b,v2.16b
pmull v0.8h,v1.8b,v2.8b
sdot v0.4s,v1.16b,v2.16b
udot v0.4s,v1.16b,v2.16b
usdot v0.4s,v1.16b,v2.16b
smmla v0.4s,v1.16b,v2.16b
ummla v0.4s,v1.16b,v2.16b
usmmla v0.4s,v1.16b,v2.16b
bfdot v0.4s,v1.8h,v2.8h
bfmmla v0.4s,v1.8h,v2.8h
fmul s0,s1,s2
fmul v0.4s,v1.4s,v2.4s
fmulx v0.4s,v1.4s,v2.4s
fnmul s0,s1,s2
fmadd s0,s1,s2,s3
fnmsub d0,d1,d2,d3
fmla v0.4s,v1.4s,v2.4s
fmls v0.4s,v1.4s,v2.4s
mad z0.s,p0/m,z1.s,z2.s
msb z0.s,p0/m,z1.s,z2.s'

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
case ${1-} in
'') echo "usage: check_no_mul.sh OBJECT... | --self-test" >&2; exit 2 ;;
--self-test) self_test ;;
*) check "$@" ;;
esac
