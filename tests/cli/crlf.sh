# Files of Windows: lines that end with CR LF, and a byte order mark before the first.
m=models/tiny.gguf
need $m
crlf() { sed "s/\$/$(printf '\r')/"; }

# Documents: every mixture of line ends is the same text.
printf 'Once upon a time\n==\nThe dog\n==\nA cat\n' > lf
crlf < lf > cr
printf 'Once upon a time\r\n==\nThe dog\n==\r\nA cat\r\n' > mixed
# So are separators at the edges and side by side.
printf '==\r\n\n==\nOnce upon a time\n==\r\n==\nThe dog\r\n==\n\r\n==\nA cat\n==\r\n==' > edges
figures() { nomul perplexity -m $m -q --json "$@" | sed 's/,"seconds.*//'; }
for file in lf cr mixed edges; do
    figures --separator == -f $file
    # A byte at a time: what has arrived may be the beginning of a separator.
    while IFS= read -r byte; do printf "\\$byte"; done << END | figures --separator ==
$(od -An -v -to1 $file | tr -s ' ' '\n' | sed '/^$/d')
END
done
# A CR that ends no line, and one in a line that is nearly a separator, are text.
printf 'a\r==\r\nb\r\n==\r\r\nc\r\n=\r=\r\n==x\r\n' | figures --separator ==
printf 'a\n\r' | figures --separator ==
printf '\r\n==\r\n' | figures --separator == 2>&1
figures -f lf

# Prompts: run, a line of a batch and a turn read the same text.
printf 'Once\n' > lf
crlf < lf > cr
for file in lf cr; do
    nomul run -m $m -q --temp 0 -n 3 < $file
    echo
    nomul run -m $m -q --temp 0 -n 3 -p 'Once ' -f $file | od -An -c
    nomul logits -m $m -f $file --hash
    nomul batch -m $m -q --temp 0 -n 3 < $file | sed 's/,"finish.*//'
    nomul run -i -m $m -q --temp 0 -n 3 < $file
done
# That newline is no part of a prompt.  What counts a text has it: byte for byte.
printf 'Once' > bare
for file in bare lf; do
    nomul logits -m $m -f $file --hash
    nomul run -m $m -q -n 0 --json < $file | cut -c 1-40
    nomul run -m $m -q -n 0 --json -f $file | cut -c 1-40
    nomul tokenize -m $m -f $file --count
    figures -f $file | sed 's/.*"bytes"/"bytes"/'
    figures -f $file --separator == | sed 's/.*"bytes"/"bytes"/'
done
nomul tokenize -m $m -f cr --count

# JSON lines.
mark=$(printf '\357\273\277')
for line in '{"id":"x","prompt":"Once"}' Once ''; do
    printf '%s%s\n%s\n' "$mark" "$line" "$mark" | nomul batch -m $m -q -n 0 | sed 's/,"text.*//'
done
printf '%s' "$mark" | nomul batch -m $m -q -n 0
printf '\357\273' | nomul batch -m $m -q -n 0 | sed 's/,"text.*//'
printf '%sOnce\n' "$mark" | nomul run -i -m $m -q --temp 0 -n 3

# A text of a file: the mark is none of it, for run, logits and perplexity; -p is as it was typed.
printf 'Once\n' > plain
printf '%sOnce\r\n' "$mark" > marked
for file in plain marked; do
    nomul logits -m $m -f $file --hash
    nomul run -m $m -q -n 0 < $file | od -An -c
    figures -f $file
    figures --separator == < $file
done
printf '%s' "$mark" | nomul perplexity -m $m -q 2>&1
nomul run -m $m -q -n 0 -p "$mark" | od -An -c
