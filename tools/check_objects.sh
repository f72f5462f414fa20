#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Looks at what make cross has built, for two faults that running it does not always show:
#
#   Windows  aligned access of 256 or 512 bits to the stack, which the system aligns to 16 bytes
#            only: such a spill faults or not, depending on the caller (gcc before 15 makes them).
#            A function that aligns the stack itself may.
#   macOS    no code signature, without which Apple's processors run nothing, or no stated minimum
#            version of the system.
#
#   check_objects.sh [CROSS]        checks CROSS (default: build/cross)
#   check_objects.sh --self-test    faults in made-up disassemblies and headers; each must be found
set -eu

# stdin: a disassembly in AT&T syntax, of llvm-objdump or objdump.
spills() { # NAME
    awk -v name="$1" '
        /^[0-9a-f]+ <.*>:$/ { n_functions++; fun = $2; aligned = 0 }
        /and[q]?[ \t]+\$-?(0x)?[0-9a-f]+, ?%rsp/ {
            mask = $0
            sub(/.*\$/, "", mask)
            sub(/,.*/, "", mask)
            if (mask ~ /^(-32|-0x20|0xf*e0)$/) aligned = 32
            if (mask ~ /^(-64|-0x40|0xf*c0|-128|-0x80|0xf*80)$/) aligned = 64
        }
        /%[yz]mm/ { n_wide++ }
        /v(movaps|movapd|movdqa|movdqa32|movdqa64|movntps|movntdqa?)[ \t].*%[yz]mm/ &&
        /\(%r[sb]p[,)]/ {
            if (aligned >= (/%zmm/ ? 64 : 32)) next
            print name ": " fun " " $0
            wrong = 1
        }
        END {
            if (!n_functions) { print name ": no disassembly"; wrong = 1 }
            print n_functions + 0, n_wide + 0 > "/dev/stderr"
            exit wrong
        }' 2> "$scratch/counts"
}

macho() { # FILE
    python3 - "$1" << 'PY'
import struct, sys
name = sys.argv[1]
data = open(name, "rb").read()
magic, _, _, _, n_commands = struct.unpack_from("<5I", data)
if magic != 0xFEEDFACF:
    sys.exit(f"{name}: not a 64-bit Mach-O file")
at, signed, least = 32, False, None
for _ in range(n_commands):
    command, size = struct.unpack_from("<2I", data, at)
    if command == 0x1D:  # LC_CODE_SIGNATURE
        where, length = struct.unpack_from("<2I", data, at + 8)
        signed = length > 8 and struct.unpack_from(">I", data, where)[0] == 0xFADE0CC0
    if command == 0x32:  # LC_BUILD_VERSION: platform 1 is macOS
        platform, version = struct.unpack_from("<2I", data, at + 8)
        least = version if platform == 1 else None
    at += size
if least is None:
    sys.exit(f"{name}: states no minimum version of macOS")
if not signed and "aarch64" in name:
    sys.exit(f"{name}: has no code signature")
print(f"{name}: macOS {least >> 16}.{least >> 8 & 255} or later, {'' if signed else 'not '}signed")
PY
}

check() { # CROSS
    cross=$1 failed=0 passed=0 skipped=0
    objdump=$(command -v llvm-objdump || command -v objdump || true)
    if [ -z "$objdump" ] || [ ! -d "$cross/x86_64-windows/obj-release" ]; then
        echo "SKIP Windows: no objdump, or no $cross/x86_64-windows"
        skipped=$((skipped + 1))
    else
        find "$cross/x86_64-windows/obj-release" -name '*.o' | sort > "$scratch/objects"
        n_wide=0
        while read -r object; do
            "$objdump" -d --no-show-raw-insn "$object" > "$scratch/code" || true
            grep -q '>:$' "$scratch/code" || continue # the other system's layer is empty
            if spills "$object" < "$scratch/code"; then
                passed=$((passed + 1))
            else
                failed=$((failed + 1))
            fi
            n_wide=$((n_wide + $(cut -d ' ' -f 2 "$scratch/counts")))
        done < "$scratch/objects"
        echo "Windows: $passed objects, $n_wide instructions on registers of 256 and 512 bits"
        if [ "$n_wide" -lt 1000 ]; then
            echo "too few to have checked anything"
            failed=$((failed + 1))
        fi
    fi
    for system in x86_64-macos aarch64-macos; do
        if [ ! -f "$cross/$system/nomul" ]; then
            echo "SKIP $system: not built"
            skipped=$((skipped + 1))
        elif macho "$cross/$system/nomul"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}

# plant RESULT CODE: a function of this code is found faulty (1) or not (0).
plant() {
    result=0
    printf '0000000000000000 <f>:\n%b\n' "$2" | spills made-up > "$scratch/log" || result=1
    if [ "$result" = "$1" ]; then
        passed=$((passed + 1))
    else
        echo "FAIL $2: $result, expected $1"
        failed=$((failed + 1))
    fi
}

self_test() {
    passed=0 failed=0
    plant 1 '  0:\tvmovaps %ymm6, 32(%rsp)'
    plant 1 '  0:\tvmovdqa -64(%rbp), %ymm0'
    plant 1 '  0:\tvmovdqa64 %zmm1,0x40(%rsp)'
    plant 1 '  0:\tandq\t$-32, %rsp\n  4:\tvmovaps %zmm6, 64(%rsp)'
    plant 1 '  0:\tandq\t$-32, %rsp\n0000000000000010 <g>:\n  4:\tvmovaps %ymm6, 64(%rsp)'
    plant 0 '  0:\tandq\t$-32, %rsp\n  4:\tvmovaps %ymm6, 64(%rsp)'
    plant 0 '  0:\tand\t$0xffffffffffffffc0,%rsp\n  4:\tvmovdqa64 %zmm6, 64(%rsp)'
    plant 0 '  0:\tvmovups %ymm6, 32(%rsp)'
    plant 0 '  0:\tvmovaps %xmm6, 32(%rsp)'
    plant 0 '  0:\tvmovaps (%rcx), %ymm6'
    printf '\317\372\355\376%028d' 0 > "$scratch/aarch64"
    if macho "$scratch/aarch64" 2> "$scratch/log"; then
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
case ${1-} in
--self-test) self_test ;;
*) check "${1:-build/cross}" ;;
esac
