# What the shell has opened is written through, not replaced: /dev/stdout, /dev/fd/N, a pipe, a
# device.  What was written before and is written after stays.
not_on_windows "Windows has no /dev/fd, and wine gives it no pipe of Unix"
[ -e /dev/fd/1 ] || skip 'this system has no /dev/fd'
m=golden/small.gguf
nomul convert golden/small -q -o whole.gguf
nomul repack $m -q -o whole.t5.gguf --pack 1.6bit
nomul logits -m $m --ids 1,2 -o whole.logits
nomul run -m $m -q -p x -n 2 -s 1 --temp 0 --no-display-prompt --save-session whole.nms > whole.text
cat whole.text whole.nms > whole.both
inode() { set -- $(ls -i "$1") && echo "$1"; }
same() { cmp "$1" "$2" && echo "$3: the same"; }

# Each writer, to a file that the shell opened, appending to it, to a pipe, and by other names.
write() { # NAME ARGUMENTS...
    what=$1
    shift
    { echo before; cat whole.$what; echo after; } > between
    for out in /dev/stdout /dev/fd/1 link; do
        [ $out != link ] || ln -sf /dev/stdout link
        : > file
        number=$(inode file)
        nomul "$@" $out > file
        same whole.$what file "$what $out"
        [ "$(inode file)" = "$number" ] || echo "another file"
        { echo before; nomul "$@" $out; echo after; } > file
        cmp between file
        echo before > file
        { nomul "$@" $out; echo after; } >> file
        cmp between file
        nomul "$@" $out | cat > file
        same whole.$what file "$what $out | cat"
    done
    nomul "$@" /dev/fd/3 3> file > out
    cat out file > both
    same whole.$what both "$what /dev/fd/3"
    nomul "$@" /dev/null > out && cat out > both
    [ -c /dev/null ] && echo "$what /dev/null"
    ls -A | grep nomul
}
write gguf convert golden/small -q -o
write t5.gguf repack $m -q --pack 1.6bit -o
write logits logits -m $m --ids 1,2 -o
write both run -m $m -q -p x -n 2 -s 1 --temp 0 --no-display-prompt --save-session
# A stream that is open for reading, or closed, and a pipe that nobody reads.
try logits -m $m --ids 1 -o /dev/fd/0
try logits -m $m --ids 1 -o /dev/fd/9 9>&-
nomul convert golden/small -o /dev/stdout 2> err >&-
echo "[$?] $(cat err)"
mkfifo pipe
try logits -m $m --ids 1 -o pipe
cat pipe > file &
poll nomul logits -m $m --ids 1,2 -o pipe # until cat has opened it
wait
same whole.logits file pipe
