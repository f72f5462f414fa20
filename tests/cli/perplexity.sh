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
head -n 50 tokens | figures --per-token --json | tail -n 1 | cut -c 1-18

# llama-perplexity's windows.
nomul perplexity -m $m -f part.txt -c 128 2> err
sed 's/took.*/took ../; s/[0-9.]* seconds per pass.*/.. seconds per pass/; s/ in .*//' err
figures -f part.txt -c 128 -b 7 -t 3
figures -f part.txt -c 3 | tail -n 1
object -f part.txt -c 100
try perplexity -m $m -f part.txt -q -c 2000

# Documents: lines between separators, the first and the last line too; what is empty is none.
documents() { printf "$1" | object --separator == 2>&1; }
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
documents '==\n\n==\n'
printf 'Once\nupon\n\na\n' | object --separator ''
# Words of each document: 1 and 2, 2 and 1.
printf 'Once\n==\nTwo times\n' | figures --separator == | tail -n 2
printf 'Once Two\n==\ntimes\n' | figures --separator == | tail -n 2

# A newline at the end is text like any other, however short the text is.
for text in '\n' 'a\n' 'ab\n'; do printf "$text" | figures | sed -n '/^bytes/p'; done

# Each on its own is what all of them are together.
printf 'Once\n==\nTwo times\n' | figures --separator == --per-token > both
{ printf Once | figures --separator == --per-token
  printf 'Two times' | figures --separator == --per-token; } | cmp - both
cat both
# So are more of them than are scored together, with long ones among them.
awk '{ line = line $0 " " }
    END {
        for (i = 1; i <= 40; i++) {
            document = substr(line, 1, i * (i % 4 + 1) * 9)
            printf "%s%s", (i > 1 ? "\n==\n" : ""), document > "many"
            printf "%s", document > "document." i
        }
    }' part.txt
i=0
while [ $i -lt 40 ]; do
    i=$((i + 1))
    figures --separator == --per-token < document.$i
done > each
figures --separator == --per-token -f many | cmp - each
figures --separator == --per-token -f many -t 3 -b 50 | cmp - each
object --separator == -f many

# EOS counts neither for words nor for bytes: 13 of them.
printf 'Once\n==\nTwo times\n' | figures --separator == | tail -n 1
awk '$1 != 2 { nats -= $2 } END { printf "byte perplexity %.4f\n", exp(nats / 13) }' both

printf 'Once upon a time\n' > line
figures -f line --per-token > line.tokens
# A line that comes in two pieces.
(printf 'Once upon a ti'; nap; printf 'me\n') | figures --per-token | cmp - line.tokens
(printf 'Once\n='; nap; printf '=\nTwo times\n') |
    figures --separator == --per-token | cmp - both

# A reader that has seen enough.
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
