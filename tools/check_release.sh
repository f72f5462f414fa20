#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What make dist and make release make: the tarball of the sources builds without git, makes itself
# again, and two builds in different folders give the same archives of the program, byte for byte:
# of this system's, and with EVERY_SYSTEM=1 and zig of make release-all's, whose first build is that
# in BUILD.
set -u
: "${MAKE:=make}"
build=$1 given=$1
cd "$(dirname "$0")/.." || exit 1
case $build in /*) ;; *) build=$PWD/$build ;; esac
scratch=$build/check-release
version=$(sed -n 's/^.define NOMUL_VERSION "\(.*\)"/\1/p' include/nomul.h)
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
jobs=-j$(nproc 2> /dev/null || echo 2)
passed=0 failed=0 skipped=0

check() {
    name=$1
    shift
    if "$@" > "$scratch/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL $name"
        tail -n 15 "$scratch/log"
    fi
}

rm -rf "$scratch" && mkdir -p "$scratch/a" "$scratch/longer/b" || exit 1
check "make dist" "$MAKE" --no-print-directory dist BUILD="$scratch"
dist=$scratch/nomul-$version.tar.gz
# in_folder DIR: the sources unpacked there, built and packed; no folder above is a git repository.
in_folder() {
    GIT_CEILING_DIRECTORIES=$1
    export GIT_CEILING_DIRECTORIES
    tar xzf "$dist" -C "$1" && cd "$1/nomul-$version" &&
        "$MAKE" --no-print-directory "$jobs" release && build/nomul run -q -p a -n 3 && "$MAKE" dist
}
check "the tarball builds without git" eval '(in_folder "$scratch/a")'
check "and in another folder" eval '(in_folder "$scratch/longer/b")'
same() {
    for archive in "$scratch/a/nomul-$version"/build/*.tar.gz; do
        cmp "$archive" "$scratch/longer/b/nomul-$version/build/$(basename "$archive")" || return 1
    done
}
check "two builds in different folders are the same bytes" same
check "the tarball makes itself" cmp "$dist" "$scratch/a/nomul-$version/build/nomul-$version.tar.gz"
unpacks() {
    mkdir "$scratch/c" && tar xzf "$scratch/a/nomul-$version/build/nomul-$version"-*.tar.gz \
        -C "$scratch/c" && cd "$scratch/c"/nomul-* && sha256sum -c SHA256SUMS &&
        ./nomul run -q -p a -n 3
}
check "the program's archive runs where it is unpacked" eval '(unpacks)'
# every_system: the other build is of the unpacked sources, which know no commit.
every_system() {
    commit=$(git rev-parse --short HEAD 2> /dev/null || echo unknown) here=$PWD
    # As it was given: what make knows of older objects is of files by that name.
    "$MAKE" --no-print-directory "$jobs" release-all BUILD="$given" COMMIT="$commit" &&
        cd "$scratch/longer/b/nomul-$version" &&
        "$MAKE" --no-print-directory "$jobs" release-all COMMIT="$commit" || return 1
    n=0
    for archive in "$build/nomul-$version"-*-*.tar.gz "$build/nomul-$version"-*-*.zip; do
        cmp "$archive" "build/$(basename "$archive")" && n=$((n + 1)) || return 1
    done
    cd "$here" && [ $n = 6 ] && for archive in "$build/nomul-$version"-*.zip; do
        python3 -m zipfile -t "$archive" || return 1
    done
}
if [ -z "${EVERY_SYSTEM-}" ]; then
    echo "SKIP archives for all systems: EVERY_SYSTEM=1 asks for them; twelve cross builds"
    skipped=$((skipped + 1))
elif python3 -c 'import ziglang' 2> /dev/null; then
    check "archives for all systems are the same bytes, too" eval '(every_system)'
else
    echo "SKIP archives for all systems: python3 -m pip install ziglang==0.15.1"
    skipped=$((skipped + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && rm -rf "$scratch"
