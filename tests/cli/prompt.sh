# Where the prompt comes from.  -n 0 makes nothing: what is shown is what was read.
m=models/tiny.gguf
show() {
    nomul run -m $m -n 0 -q "$@" 2>&1
    echo "<$?"
}
printf 'from a file\n' > file.txt
printf 'two newlines\n\n' > two.txt
printf 'no newline' > none.txt
printf 'windows\r\n' > windows.txt
printf '\n' > newline.txt
: > empty.txt
echo not read > stdin.txt

show -p 'from -p' < stdin.txt
show -p '' < stdin.txt
show -f file.txt < stdin.txt
show --file=two.txt
show -f none.txt
show -f windows.txt | od -c
show -f newline.txt
show -f empty.txt
echo 'from stdin' | show
echo 'from stdin' | show -f -
echo 'then stdin' | show -p 'first -p, ' -f -
show -p 'first -p, ' -f file.txt
show -p 'ends with a newline
' -f empty.txt
show -p one -p two
: | show
printf 'a\000b\377\303(\n' | show | od -c
show -p -q
show -f file.txt --no-display-prompt

# Backslashes.
show -p 'a\nb\x41\q'
show -e -p 'a\nb\x41\q\x4\xZZ\\n\t\"'"\\'"'|\' | od -c
echo 'stays \n' | show -e -p 'one\ntwo ' -f -

# Read as what: an empty one is BOS alone, and BOS stands in front of every other.
count() { nomul run -m $m -n 0 -q --json "$@" | sed 's/.*"prompt_tokens":\([0-9]*\).*/\1/'; }
count -p ''
count -p a
nomul tokenize -m $m -p a --count
count -p '</s>'
count -p '</s>' --special
