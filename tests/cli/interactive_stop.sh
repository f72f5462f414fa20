# What ends an answer of nomul run -i, and all of it.
not_on_windows "wine cannot look into a pipe of Unix: tests/windows/events.c"
m=models/stories-14m.gguf
need $m
say() { printf '%s\n' "$@"; }
# Ctrl-C ends an answer, and the next line is taken; at rest it ends all, and the text is saved.
mkfifo lines
start() {
    : > out
    $RUN "$program" run -i -m $m -s 1 -n -1 --ignore-eos "$@" < lines > out 2> err &
    exec 3> lines
}
start -q --save-session stopped
echo Once >&3
wait_for out
kill -s INT $!
say '/set n 3' '/set temp 0' '/reset' 'Lily' >&3
poll grep '^Lily and Ben are$' out
nap # for the newline that ends it to be more than written
kill -s INT $!
exec 3>&-
wait $!
echo "[$?]"
tail -n 1 out
cat err
nomul session stopped --json | grep -o '"tokens":[0-9]*'
# TERM ends it all at once.
start -q --save-session stopped
echo Once >&3
wait_for out
kill -s TERM $!
exec 3>&-
wait $!
echo "[$?]"
cat err
nomul run -m $m --load-session stopped -n 1 -q > out || echo "not saved"
# While the prompt is read: the turn is undone.
tr '\n' ' ' < text.txt | head -c 9000 > long
cat long long long long long > longer
start -t 1 -b 1
say '/set n 2' The >&3
{ cat longer; echo; } >&3
poll grep "$(tail -c 40 longer)" out
kill -s INT $!
say /undo >&3
exec 3>&-
wait $!
echo "[$?]"
sed -n '/^model/q; p' err
