#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Predicts the inner loops of the ternary kernels for processors that are not here, by llvm-mca:
# for each loop and processor weights (times tokens) a cycle and, in brackets, cycles of one turn
# and what limits it.  Prints the tables of src/kernels/README.md.
#
#   mca.sh [--loop KERNEL] [FOLDER]
#
# FOLDER has the objects of `make all` (default build/obj-release/src/kernels of the project, where
# relative paths begin); those of aarch64 are compiled here.  --loop prints the instructions of a
# loop instead.  LLVM_MCA= names the program: a recent one, as LLVM 14 knows half of the processors
# only.
set -eu

x86='haswell skylake-avx512 icelake-server sapphirerapids alderlake znver2 znver3 znver4'
arm='cortex-a76 neoverse-n1 neoverse-v1 neoverse-v2 apple-m1'

# A row: name, object, function, weights (times tokens) of one turn, a pattern, and a pattern of the
# processors that have the instructions.  The loop is the innermost one with most such lines.
loops='ssse3-t4         ternary_ssse3    add_tile_t4             192  pshufb    .
ssse3-t4-tables  ternary_tables   nm_tables_t4            12   pshufb    .
avx2-t4          ternary_avx2     add_tile_t4             768  vpshufb   .
avx2-t5          ternary_avx2     add_tile_t5             480  vpshufb   .
avx2-t4-tables   ternary_avx2     make_tables_t4          48   vpshufb   .
avx2-t4-few      ternary_avx2     add_many_tile_T4        768  vpshufb   .
avx2-t4-lanes    ternary_avx2     add_lanes               512  vpaddw.*[(] .
avx512-t4        ternary_avx512bw add_tile_t4             1536 vpshufb   skylake|ice|sapph|znver4
avx512-t4-tables ternary_avx512bw make_tables_t4          48   vpshufb   skylake|ice|sapph|znver4
avx512-many      ternary_avx512bw nm_avx512bw_add_many    2304 vpermw    skylake|ice|sapph|znver4
avx512-t5        ternary_avx512   add_tile_t5             1920 vperm.2b  ice|sapph|znver4
avx512-t5-tables ternary_avx512   make_tables_t5          15   vpermb    ice|sapph|znver4
neon-t4          ternary_neon     add_tile_T4             384  tbl       aarch64
neon-t4-few      ternary_neon     add_many_tile_T4        768  tbl       aarch64'

# find_loop OBJECT FUNCTION PATTERN: its instructions, for an assembler.
find_loop() {
    case $1 in *_neon.o) dump=aarch64-linux-gnu-objdump ;; *) dump=objdump ;; esac
    $dump -d --no-show-raw-insn "$1" | awk -v name="$2" -v pattern="$3" '
        /^[0-9a-f]+ <.*>:$/ { inside = $2 == "<" name ">:" }
        inside && /^ *[0-9a-f]+:\t/ {
            at[n] = $1; sub(/:$/, "", at[n])
            sub(/^[^\t]*\t/, ""); sub(/ *(#[ \t]|\/\/).*/, ""); sub(/ *<.*/, "")
            where[at[n]] = n; line[n] = $0; n++
        }
        END {
            for (i = 0; i < n; i++) { # a jump back to where no jump back lies between
                target = line[i]; sub(/.*[ \t,]/, "", target); sub(/^0x/, "", target)
                if (line[i] !~ /^(j|b\.|cbn?z|tbn?z)/ || !(target in where)) continue
                from = where[target]
                if (from > i || last_from > from && last_to < i && last_to > from) continue
                last_from = from; last_to = i; count = 0
                for (k = from; k <= i; k++) count += line[k] ~ pattern
                if (count > most) { most = count; first = from; end = i }
            }
            for (k = first; k < end && most; k++) if (line[k] !~ /^(j|b\.|cbn?z)/) print line[k]
        }'
}

# predict CPU WEIGHTS < LOOP: a cell of the table.  The limit is the resource that is busy longest,
# the front end where decoding takes as long, latency where neither explains the cycles.
predict() {
    case $arm in *$1*) triple=aarch64 ;; *) triple=x86_64 ;; esac
    "$mca" -mtriple=$triple -mcpu="$1" -iterations=200 -instruction-info=0 2> "$scratch/errors" |
        awk -v weights="$2" '
        /^Total Cycles:/ { cycles = $3 / 200 }
        /^Total uOps:/ { uops = $3 / 200 }
        /^Dispatch Width:/ { width = $3 }
        /^\[[0-9.]+\] *- / { id = $1; sub(/\[/, "", id); sub(/\]/, "", id); name[id] = $NF }
        /^Resource pressure per iteration:/ {
            getline; gsub(/[][]/, ""); n = split($0, ids)
            getline; split($0, load)
            for (i = 1; i <= n; i++)
                if (load[i] + 0 > most) { most = load[i]; busiest = name[ids[i]] }
        }
        END {
            limit = uops / width >= most ? "front end" : busiest
            if (cycles > 1.25 * most && cycles > 1.25 * uops / width) limit = "latency"
            sub(/^(HW|SKX|ICX|SPR|ADLP|Zn[34]?|N1Unit|V1Unit|V2Unit|A57Unit|CyUnit)/, "", limit)
            printf " %.*f (%.1f, %s) |", weights < 99 ? 2 : 1, weights / cycles, cycles, limit
        }'
}

table() { # CPU...
    [ -n "$only" ] || echo "| loop | per iteration |$(printf ' %s |' "$@")
|---|---|$(printf -- '---|%.0s' "$@")"
    echo "$loops" | while read -r name object function weights pattern cpus; do
        case $object in *_neon) file=$scratch/$object.o ;; *) file=$folder/$object.o ;; esac
        [ -z "$only" ] || [ "$only" = "$name" ] || continue
        case $cpus,$1 in aarch64,cortex*) ;; aarch64,* | *,cortex*) continue ;; esac
        find_loop "$file" "$function" "$pattern" > "$scratch/loop"
        [ -s "$scratch/loop" ] || fail "no loop in $function of $file"
        [ -z "$only" ] || { cat "$scratch/loop"; exit; }
        printf '| %s | %s |' "$name" "$weights"
        for cpu; do
            if [ "$cpus" = aarch64 ] || echo "$cpu" | grep -Eq "$cpus"; then
                predict "$cpu" "$weights" < "$scratch/loop"
            else
                printf ' |'
            fi
        done
        echo
    done
}

fail() { echo "mca.sh: $*" >&2; exit 1; }
cd "$(dirname "$0")/.."
only=
[ "${1-}" != --loop ] || [ $# -lt 2 ] || { only=$2; shift 2; }
case $#,${1-} in
    0, | 1,[!-]*) folder=${1:-build/obj-release/src/kernels} ;;
    *) sed -n '3,/^set/s/^# \{0,1\}//p' tools/mca.sh >&2; exit 2 ;;
esac
[ -d "$folder" ] || fail "$folder: no such folder: make all"
[ -z "$only" ] || echo "$loops" | grep -q "^$only " ||
    fail "--loop $only: not one of $(echo $(echo "$loops" | cut -d" " -f1))"
mca=${LLVM_MCA:-$(for v in 22 21 20 19 18 17 16; do command -v llvm-mca-$v && break; done || true)}
[ -n "$mca" ] || { echo "SKIP mca: no llvm-mca of LLVM 16 or later"; exit 0; }
"$mca" --version > /dev/null 2>&1 || fail "$mca: does not run"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
[ ! -e "$folder/ternary_avx2.o" ] || table $x86
if aarch64-linux-gnu-gcc -std=c11 -O2 -ffp-contract=off -Isrc -Iinclude -c \
    -o "$scratch/ternary_neon.o" src/kernels/ternary_neon.c 2> "$scratch/errors"; then
    [ -n "$only" ] || echo
    table $arm
else
    echo "SKIP mca: no aarch64-linux-gnu-gcc"
fi
