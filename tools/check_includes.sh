#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The walls between the rooms of src/ (src/README.md draws them): who may include what.
#
#   check_includes.sh [DIR]        checks DIR/src and DIR/include (default: here)
#   check_includes.sh --self-test  plants wrong includes in copies; each one must be found
set -eu

# room: what it may include of ours, beside nomul.h; a whole room, or one header of it.  A sub-room
# (cli/run) may include what its parent may, and its own row: itself, but no sub-room beside it.
walls='
base:    base
format:  base format
kernels: base kernels
tokens:  base format kernels/floats.h kernels/kernels.h tokens
model:   base format kernels model
bench:   base format kernels model convert tokens/logprobs.h
bench:   tokens/sampler.h bench nomul_bench.h
train:   base format kernels model convert train nomul_model.h
convert: base format convert kernels/ternary.h model/config.h model/tensors.h model/verify.h
convert: model/weights.h
cli:     cli cli/text nomul_bench.h base/json.h base/utf8.h base/visible.h base/file.h base/xxh64.h
cli:     base/error.h base/alloc.h base/bytes.h base/rng.h base/clock.h base/os.h
cli/text:  cli/text
cli/run:   cli/run
cli/batch: cli/batch
cli/score: cli/score base/documents.h
cli/eval:  cli/eval
cli/bench: cli/bench
web:     nomul_bench.h base/alloc.h base/error.h base/file.h base/xxh64.h
rtl/host: base model kernels/ternary.h nomul_model.h rtl/host
nomul.c: base format kernels tokens model convert nomul_model.h
nomul_session.c: base format model tokens nomul_model.h
text:    base format tokens model text nomul_model.h
nomul_text.c:
nomul_bench.c: base kernels bench nomul_bench.h nomul_model.h
nomul_model.h: base format model tokens
include: nomul.h
'
# Of the system: the C library is everybody's, the rest belongs to rooms and files.
c11='assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath time wchar wctype'
system_files='base/os_*.c'
# Of libraries that a build may have: each belongs to one file.
libraries='mpi:train/ranks_mpi.c nccl:train/gpu_sum_nccl.c'
thread_rooms='base'
thread_headers='pthread sched'
cpu_rooms='kernels train'
public_headers='stdbool stddef stdint'

check() {
    find "$1/src" "$1/include" -name '*.[ch]' -o -name '*.def' | sort | tr '\n' '\0' |
        xargs -0 awk -v root="$1/" -v walls="$walls" -v c11="$c11" -v system_files="$system_files" \
            -v rooms="$thread_rooms" -v threads="$thread_headers" -v cpu="$cpu_rooms" \
            -v public="$public_headers" -v libraries="$libraries" '
        function words(text, set,    n, i, w) {
            n = split(text, w, /[ \n]+/)
            for (i = 1; i <= n; i++) if (w[i] != "") set[w[i]] = 1
        }
        function bad(why) {
            printf "%s:%d: %s: %s\n", substr(FILENAME, length(root) + 1), FNR, $0, why
            wrong = 1
        }
        BEGIN {
            n = split(walls, line, "\n")
            for (i = 1; i <= n; i++)
                if (split(line[i], half, ":") == 2) {
                    m = split(half[2], w, " ")
                    for (j = 1; j <= m; j++) may[half[1], w[j]] = 1
                    known[half[1]] = 1
                }
            words(c11, std); words(rooms, room_ok); words(threads, thread_ok)
            words(cpu, cpu_ok); words(public, public_ok); words(libraries, library_ok)
        }
        FNR == 1 {
            n_files++
            n = split(substr(FILENAME, length(root) + 1), part, "/")
            parent = part[1] == "include" ? "include" : part[2]
            room = n > 3 ? part[2] "/" part[3] : parent
            file = room "/" part[n]
            is_system = substr(FILENAME, length(root) + 1) ~ /^src\/base\/os_[a-z0-9]+\.c$/
            if (!known[room]) bad("a room that the table of walls does not know")
        }
        /^[ \t]*#[ \t]*include[ \t]*"/ {
            n_edges++
            split($0, quoted, "\"")
            to = quoted[2]
            dest = split(to, part, "/") > 2 ? part[1] "/" part[2] : part[1]
            if (to == "nomul.h" || ((room, to) in may) || ((room, dest) in may)) next
            if (((parent, to) in may) || ((parent, dest) in may)) next
            if (to !~ /\//) bad("does not name the room")
            else bad(room " may not include " to)
        }
        /^[ \t]*#[ \t]*include[ \t]*</ {
            n_edges++
            split($0, angle, /[<>]/)
            name = angle[2]
            sub(/\.h$/, "", name)
            if (room == "include") {
                if (!(name in public_ok)) bad("public headers include nothing but " public)
            } else if (name ~ /intrin$|^arm_|^cpuid$|^wasm_/) {
                if (!(parent in cpu_ok)) bad("CPUs belong to " cpu)
            } else if (name in thread_ok) {
                if (!(parent in room_ok)) bad("threads belong to " rooms)
            } else if (!(name in std) && !is_system && !((name ":" file) in library_ok))
                bad("systems belong to " system_files)
        }
        /^[ \t]*#.*(_WIN32|__MINGW|__linux__|__APPLE__|__unix__|_SOURCE([^a-zA-Z_]|$))/ {
            if (!is_system) bad("only " system_files " asks which system it is")
        }
        END {
            if (!wrong) printf "%d files, %d includes, all inside the walls\n", n_files, n_edges
            exit wrong
        }'
}

# plant FILE LINE: adds LINE to a copy of FILE; its place must be among those that the check names.
plant() {
    mkdir -p "$scratch/${1%/*}"
    [ -f "$scratch/$1" ] || [ ! -f "$1" ] || cat "$1" > "$scratch/$1"
    printf '%s\n' "$2" >> "$scratch/$1"
    echo "$1:$(awk 'END {print NR}' "$scratch/$1"): $2: " >> "$scratch/places"
}

self_test() {
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    mkdir "$scratch/src" "$scratch/include"
    plant src/base/alloc.c '#include "format/gguf.h"'
    plant src/format/gguf.h '#include "kernels/ternary.h"'
    plant src/kernels/kernels.c '#include "format/gguf.h"'
    plant src/tokens/vocab.h '  #  include "model/config.h"'
    plant src/model/config.h '#include "tokens/vocab.h"'
    plant src/convert/convert.h '#include "kernels/kernels.h"'
    plant src/convert/convert.h '#include "model/session.h"'
    plant src/cli/main.c '#include "base/pool.h"'
    plant src/cli/main.c '#include "model/config.h"'
    plant src/cli/main.c '#include "cli/run/history.h"'
    plant src/cli/batch/batch.c '#include "cli/run/history.h"'
    plant src/cli/text/buffer.c '#include "cli/batch/batch.h"'
    plant src/cli/score/tally.c '#include "model/config.h"'
    plant src/web/web.c '#include "model/config.h"'
    plant src/web/web.c '#include <wasm_simd128.h>'
    plant src/cli/attic/new.c '#include <stdio.h>'
    plant src/nomul.c '#include "cli/options.h"'
    plant src/base/alloc.c '#include "alloc.h"'
    plant src/model/config.h '#include <unistd.h>'
    plant src/base/file.c '#include <fcntl.h>'
    plant src/cli/main.c '#include <pthread.h>'
    plant src/cli/main.c '#ifdef _WIN32'
    plant src/base/file.c '#define _XOPEN_SOURCE 700'
    plant src/base/alloc.c '#include <immintrin.h>'
    plant src/train/tape.c '#include "tokens/vocab.h"'
    plant src/train/tape.c '#include "cli/options.h"'
    plant src/train/ranks_none.c '#include <mpi.h>'
    plant src/model/session.c '#include "train/tape.h"'
    plant src/attic/new.c '#include <stdio.h>'
    plant include/nomul.h '#include <stdio.h>'
    if check "$scratch" > "$scratch/log"; then echo "FAIL planted faults pass" && return 1; fi
    awk 'NR == FNR { place[++n] = $0; next }
        {
            for (i = 1; i <= n; i++)
                if (index($0, place[i]) == 1) found[i] = 1
        }
        END {
            for (i = 1; i <= n; i++)
                if (i in found) passed++
                else print "FAIL planted, not found: " place[i]
            printf "%d passed, %d failed, 0 skipped\n", passed, n - passed
            exit passed != n
        }' "$scratch/places" "$scratch/log"
}

case ${1-} in
--self-test) self_test ;;
*) check "${1-.}" ;;
esac
