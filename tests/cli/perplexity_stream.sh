# Perplexity of a text that comes slowly, or is stopped.
not_on_windows "wine cannot look into a pipe of Unix: tests/windows/events.c"
m=models/tiny.gguf
# What is certain is scored while the rest is on its way: the last word is not, a line is.
has_lines() { [ "$(wc -l < "$2")" -ge "$1" ]; } # N FILE
lines() { # N FILE: waits for the N-th line
    poll has_lines "$@"
    wc -l < "$2" | tr -d ' '
}
mkfifo pipe
: > out
$RUN "$program" perplexity -m $m --per-token < pipe > out 2> err &
exec 3> pipe
nomul tokenize -m $m --no-bos -p 'Once upon' | wc -w | tr -d ' '
printf 'Once upon' >&3
lines 5 out
printf ' a time\n' >&3
printf 'Once upon a time\n' > line
nomul tokenize -m $m --no-bos -f line | wc -w | tr -d ' '
lines 11 out
printf 'x' >&3
exec 3>&-
wait $!
echo "[$?] $(tail -n 1 out)"
nomul perplexity -m $m -q -f line --per-token > line.tokens

# Stopped, while it waits and while it works: the figures so far.
: > out
$RUN "$program" perplexity -m $m --per-token < pipe > out 2> err &
exec 3> pipe
cat line >&3
lines 11 out
kill -s TERM $!
wait $!
echo "[$?]"
exec 3>&-
cmp out line.tokens
sed 's/ in .*//' err
yes > pipe &
: > out
$RUN "$program" perplexity -m $m --per-token < pipe > out 2> err &
wait_for out
kill -s INT $!
wait $!
echo "[$?]"
sed 's/  *[0-9].*//; /^bits/d; /^word/d; /^byte p/d' err # there if a piece was scored
: > out
$RUN "$program" perplexity -m $m -c 5 < pipe > out 2> err & # it reads all of it first
exec 3> pipe
cat text.txt >&3
wait_ready $!
kill -s TERM $!
wait $!
echo "[$?] $(cat out err)"
exec 3>&-
