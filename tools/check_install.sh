#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs into a folder and uses everything there as a stranger would: the program from another
# folder, the library through pkg-config from C and Python, manual pages, completions in their own
# shells; then uninstalls, and nothing may be left.
#
#   MAKE=make CC=cc check_install.sh BUILD
#
# What a machine lacks (pkg-config, python3, mandoc, zsh, fish) is skipped and counted.
set -u
build=$1
: "${MAKE:=make}" "${CC:=cc}"
cd "$(dirname "$0")/.." || exit 1
case $build in /*) ;; *) build=$PWD/$build ;; esac
scratch=$build/check-install
rm -rf "$scratch" && mkdir -p "$scratch/elsewhere" || exit 1
prefix=/opt/nomul root=$scratch/root
installed=$root$prefix
version=$(sed -n 's/^.define NOMUL_VERSION "\(.*\)"/\1/p' include/nomul.h)
passed=0 failed=0 skipped=0

# check NAME COMMAND...: passes if the command succeeds.
check() {
    name=$1
    shift
    if (cd "$scratch/elsewhere" && "$@") > "$scratch/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -n 15 "$scratch/log"
    fi
}

# need PROGRAM NAME: or the check is skipped.
need() {
    command -v "$1" > /dev/null && return
    echo "SKIP $2: there is no $1"
    skipped=$((skipped + 1))
    return 1
}

# ---- The files, the program ----------------------------------------------------------------------

"$MAKE" --no-print-directory install BUILD="$build" DESTDIR="$root" PREFIX="$prefix" \
    > "$scratch/list" || exit 1
all_listed() {
    find "$root" ! -type d | sort > "$scratch/found"
    sort "$scratch/list" | cmp - "$scratch/found"
}
check "install lists what it writes" all_listed

# The program has been moved with all that belongs to it, and is called through a link.
works_anywhere() {
    cp -R "$installed" "$scratch/moved" && ln -s "$scratch/moved/bin/nomul" here &&
        ./here run -q -p "Once upon a time" -n 8 -s 3 --temp 0 > moved.txt && [ -s moved.txt ] &&
        (cd / && "$installed/bin/nomul" run -q -p "Once upon a time" -n 8 -s 3 --temp 0) \
            > text.txt && cmp text.txt moved.txt
}
model=$installed/share/nomul/stories-77m.gguf
if [ -f "$model" ]; then
    check "the installed program finds its model" works_anywhere
else
    echo "SKIP the installed program: there is no model" && skipped=$((skipped + 1))
    model=$PWD/models/tiny.gguf
fi

# ---- The library ---------------------------------------------------------------------------------

PKG_CONFIG_SYSROOT_DIR=$root PKG_CONFIG_LIBDIR=$installed/lib/pkgconfig
LD_LIBRARY_PATH=$installed/lib
export PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR LD_LIBRARY_PATH
examples=$PWD/tests/examples tools=$PWD/tools

# example NAME KIND ARGS...: built by pkg-config's words alone and run; the output is in NAME.out.
example() {
    name=$1 kind=$2
    shift 2
    static=
    flags=$(pkg-config --cflags --libs nomul)
    if [ "$kind" = static ]; then
        static=$installed/lib/libnomul.a
        flags="$(pkg-config --cflags nomul) $static $(pkg-config --static --libs-only-l \
            --libs-only-other nomul | sed 's/-lnomul//')"
    fi
    # shellcheck disable=SC2086
    $CC -std=c11 -Wall -Wextra -Werror "$examples/$name.c" $flags -pthread -o "$name" &&
        "./$name" "$@" > "$name.out" && [ -s "$name.out" ] || return 1
    [ "$kind" = static ] || ldd "./$name" | grep -q "$installed/lib/libnomul.so.0"
}
generate_here() { ln -sf "$model" model.gguf && example generate "$1"; }
continues_alike() {
    example continue "$1" "$model" "Once upon a time" 24 && example continue "$1" "$model" \
        "Once upon a time" 24 && cmp continue.out "$examples/continue.out"
}
# The same text alone and beside another one.
threads_alike() {
    example threads shared "$model" && example continue shared "$model" "The cat" 24 &&
        head -c $(($(wc -c < continue.out))) threads.out | cmp - continue.out &&
        [ "$(tail -c +$(($(wc -c < continue.out) + 1)) threads.out | head -c 7)" = "The dog" ]
}
python() {
    python3 "$tools/nomul_ctypes.py" "$model" 'Once upon a time' > py.out && [ -s py.out ]
}
python_error() {
    ! python3 "$tools/nomul_ctypes.py" /no/model a 2> error && grep -q 'No such file' error
}
python_head() {
    python3 "$tools/nomul_ctypes.py" "$model" 'Once upon a time' 2> error | head -c 1 > one &&
        [ -s one ] && [ ! -s error ]
}
if need pkg-config "the library"; then
    check "pkg-config knows the version" test "$(pkg-config --modversion nomul)" = "$version"
    for kind in shared static; do
        check "example generate, $kind" generate_here $kind
        check "example threads, $kind" example threads $kind "$model"
        check "example score_text, $kind" example score_text $kind "$model" "Once upon a time"
        if [ -f "$installed/share/nomul/stories-77m.gguf" ]; then
            check "example continue, $kind, prints what it always does" continues_alike $kind
        fi
    done
    check "two threads write what one does" threads_alike
    if need python3 "Python"; then
        check "Python by ctypes" python
        check "Python gets the errors" python_error
        check "Python's reader may have seen enough" python_head
    fi
fi

# ---- Manual pages and completions ----------------------------------------------------------------

if need mandoc "manual pages"; then
    for page in 1 3; do
        lint() {
            mandoc -W warning -T lint "$1" > lint
            ! grep -v STYLE lint && [ "$(mandoc -T utf8 "$1" | wc -l)" -gt 300 ]
        }
        check "nomul($page) is valid" lint "$installed/share/man/man$page/nomul.$page"
    done
fi
every_command() {
    "$installed/bin/nomul" help --tables | awk -F '\t' '$1 == "command" {print toupper($2)}' \
        > names
    [ -s names ] &&
        while read -r command; do
            grep -q "^\.SH $command\$" "$installed/share/man/man1/nomul.1" || return 1
        done < names
}
check "nomul(1) has a section for each command" every_command
every_function() {
    grep -o 'nomul_[a-z_]*(' "$installed/include/nomul.h" | sort -u > names
    [ -s names ] &&
        while read -r name; do
            grep -qF "$name" "$installed/share/man/man3/nomul.3" || return 1
        done < names
}
check "nomul(3) names each function" every_function

# complete WORDS...: what the shell offers after these words, one a line.
complete_bash() {
    bash --norc -c '
        source "$1/share/bash-completion/completions/nomul"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _nomul
        printf "%s\n" "${COMPREPLY[@]}"' bash "$installed" "$@"
}
complete_fish() {
    HOME=$scratch fish --no-config -c "
        source '$installed/share/fish/vendor_completions.d/nomul.fish'
        complete -C '$*'" | cut -f 1
}
complete_zsh() {
    HOME=$scratch timeout 20 zsh -f "$tools/zsh_complete.zsh" \
        "$installed/share/zsh/site-functions" "$*"
}
# offers SHELL: options, commands, values and the right kind of files.
offers() {
    shell=$1 words=
    shift
    touch a-model.gguf && mkdir -p a-folder
    "complete_$shell" nomul run --sav > offered && grep -qx -- --save-session offered || return 1
    "complete_$shell" nomul ben > offered && grep -qx bench offered || return 1
    "complete_$shell" nomul convert --embedding q > offered && grep -qx q8_0 offered || return 1
    "complete_$shell" nomul repack --pack 1 > offered && grep -qx 1.6bit offered || return 1
    "complete_$shell" nomul run -m a- > offered && grep -qx a-model.gguf offered || return 1
    "complete_$shell" nomul convert a- > offered && grep -q a-folder offered &&
        ! grep -q a-model offered
}
for shell in bash zsh fish; do
    if need $shell "completions of $shell"; then check "completions in $shell" offers $shell; fi
done

# ---- Uninstall -----------------------------------------------------------------------------------

unset PKG_CONFIG_SYSROOT_DIR PKG_CONFIG_LIBDIR LD_LIBRARY_PATH
touch "$installed/share/nomul/mine.gguf" "$installed/bin/mine" # somebody else's
"$MAKE" --no-print-directory uninstall BUILD="$build" DESTDIR="$root" PREFIX="$prefix" \
    > "$scratch/log" 2>&1
left() { [ "$(find "$root" ! -type d | wc -l)" = 2 ] && [ -f "$installed/bin/mine" ]; }
check "uninstall removes what install wrote, and no more" left

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
