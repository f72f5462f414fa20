#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Looks at what make cross has built, for two faults that running it does not always show:
#
#   Windows  aligned access of 256 or 512 bits to the stack, which the system aligns to 16 bytes
#            only: such a spill faults or not, depending on the caller (gcc before 15 makes them).
#            A function that aligns the stack itself may.
#   macOS    no code signature, without which Apple's processors run nothing, one whose hashes of
#            pages are not those of the file, or no stated minimum version of the system.
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
import hashlib, struct, sys
name = sys.argv[1]
data = open(name, "rb").read()
magic, cpu, _, kind, n_commands = struct.unpack_from("<5I", data)
if magic != 0xFEEDFACF or kind != 2:
    sys.exit(f"{name}: not a 64-bit Mach-O program")

def pages_hashed(at):
    """Of the code directory, the only part of a linker's signature: are its hashes true?"""
    magic, _, n_parts, _, first = struct.unpack_from(">5I", data, at)
    directory = at + first
    if magic != 0xFADE0CC0 or n_parts < 1:
        sys.exit(f"{name}: has no code signature")
    magic, _, _, _, hashes, _, _, n_pages, end, size, kind, _, shift = struct.unpack_from(
        ">9I4B", data, directory)
    if magic != 0xFADE0C02 or size != 32 or kind != 2 or end != at:
        sys.exit(f"{name}: the code signature has no SHA-256 of each page up to itself")
    for i in range(n_pages):
        page = data[i << shift:min(i + 1 << shift, end)]
        if hashlib.sha256(page).digest() != data[directory + hashes + 32 * i:][:32]:
            sys.exit(f"{name}: page {i} is not what was signed")
    return n_pages << shift >= end

at, signed, least = 32, False, None
for _ in range(n_commands):
    command, size = struct.unpack_from("<2I", data, at)
    if command == 0x1D:  # LC_CODE_SIGNATURE
        signed = pages_hashed(struct.unpack_from("<I", data, at + 8)[0])
    if command == 0x32:  # LC_BUILD_VERSION: platform 1 is macOS
        platform, version = struct.unpack_from("<2I", data, at + 8)
        least = version if platform == 1 else None
    at += size
if least != 11 << 16:
    sys.exit(f"{name}: does not state macOS 11.0 as its minimum")
if not signed and cpu == 0x0100000C:  # arm64
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
            if ! "$objdump" -d --no-show-raw-insn "$object" > "$scratch/code"; then
                echo "$object: $objdump fails"
                failed=$((failed + 1))
                continue
            fi
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

# A program of two pages for Apple's processors, with a fault.
made_up() { # FAULT
    python3 - "$1" << 'PY'
import hashlib, struct, sys
fault = sys.argv[1]
version = struct.pack("<6I", 0x32, 24, 1, (10 if fault == "version" else 11) << 16, 0, 0)
signature = struct.pack("<4I", 0x1D, 16, 32768, 200)
commands = [] if fault == "bare" else [version] if fault == "unsigned" else [version, signature]
header = struct.pack("<8I", 0xFEEDFACF, 0x0100000C, 0, 2, len(commands), 0, 0, 0)
code = (header + b"".join(commands)).ljust(32768, b"\x90")
directory = struct.pack(">9I4B", 0xFADE0C02, 104, 0x20400, 2, 40, 40, 0, 2, 32768, 32, 2, 0, 14)
directory += b"".join(hashlib.sha256(code[i:i + 16384]).digest() for i in (0, 16384))
if fault == "byte":
    code = code[:20000] + b"!" + code[20001:]
blob = struct.pack(">5I", 0 if fault == "magic" else 0xFADE0CC0, 124, 1, 0, 20)
sys.stdout.buffer.write(code + blob + directory)
PY
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
    for fault in none bare byte version unsigned magic; do
        made_up $fault > "$scratch/program"
        result=0
        macho "$scratch/program" > "$scratch/log" 2>&1 || result=1
        if [ $result = "$([ $fault = none ] && echo 0 || echo 1)" ]; then
            passed=$((passed + 1))
        else
            echo "FAIL macOS, $fault: $(cat "$scratch/log")"
            failed=$((failed + 1))
        fi
    done
    echo "$passed passed, $failed failed, 0 skipped"
    [ "$failed" = 0 ]
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
case ${1-} in
--self-test) self_test ;;
*) check "${1:-build/cross}" ;;
esac
