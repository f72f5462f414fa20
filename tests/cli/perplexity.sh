# Perplexity: text as it comes, documents, windows.
m=models/tiny.gguf
figures() { nomul perplexity -m "$m" -q "$@"; }
object() { figures --json "$@" | sed 's/"seconds":.*/"seconds":../'; }
head -c 3000 text.txt > part.txt

# Each token with its whole past, from a file or stdin, whatever the threads and batches.
figures -f part.txt
object -f part.txt
object < part.txt
object -f - -t 3 -b 5 --no-mmap < part.txt
nomul perplexity -m $m -f part.txt 2>&1 > /dev/null | sed 's/ in .*//'

# The lines of the tokens have the ids of the text, and the sum of the figures.
figures -f part.txt --per-token > tokens
head -n 3 tokens
cut -f 1 tokens | tr '\n' ' ' | sed 's/ $//' > ids
nomul tokenize -m $m -f part.txt --no-bos | tr -d '\n' | cmp - ids
awk '{sum -= $2} END {printf "%.4f\n", sum / NR}' tokens
nomul perplexity -m $m -f part.txt --per-token 2>&1 > /dev/null | sed 's/ in .*//'
figures --per-token --json < tokens | tail -n 1 | cut -c 1-18

# llama-perplexity's windows.
nomul perplexity -m $m -f part.txt -c 128 2> err
sed 's/took.*/took ../; s/[0-9.]* seconds per pass.*/.. seconds per pass/; s/ in .*//' err
figures -f part.txt -c 128 -b 7 -t 3
figures -f part.txt -c 3 | tail -n 1
object -f part.txt -c 100
try perplexity -m $m -f part.txt -q -c 2000

# Documents: a newline, the separator, a newline; any of them may be empty.
documents() { printf "$1" | object --separator ==; }
documents 'Once\n==\nTwo'
documents 'Once\n==\nTwo\n'
documents 'Once\n==\nTwo\n\n'
documents '\n==\nTwo'
documents '==\nTwo'
documents 'Once\n==\n'
documents 'Once\n==\n\n==\nTwo\n'
documents 'Once\n==\n==\nTwo\n'
documents 'Once\n=='
documents 'Once\n==='
documents '\n'
printf 'Once\nupon\n\na\n' | object --separator ''

# Each on its own is what all of them are together.
printf 'Once\n==\nTwo times\n' | figures --separator == --per-token > both
{ printf Once | figures --separator == --per-token
  printf 'Two times' | figures --separator == --per-token; } | cmp - both
cat both

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
figures -f line --per-token > line.tokens
(printf 'Once upon a ti'; nap; printf 'me\n') | figures --per-token | cmp - line.tokens
(printf 'Once\n='; nap; printf '=\nTwo times\n') |
    figures --separator == --per-token | cmp - both

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
sed 's/  *[0-9].*//; /^bits/d' err
yes > pipe &
: > out
$RUN "$program" perplexity -m $m -c 5 < pipe > out 2> err & # it reads all of it first
wait_ready $!
kill -s TERM $!
wait $!
echo "[$?] $(cat out err)"
{ yes | nomul perplexity -m $m -q --per-token 2> err; echo "[$?] $(cat err)" > code; } |
    head -n 1
cat code

# What can't be.
try perplexity -m $m
try perplexity -m $m -f no.txt
try perplexity -m $m -f .
try perplexity -m $m -c 512 -q
printf x | nomul perplexity -m $m -c 512 -q 2>&1
echo "[$?]"
