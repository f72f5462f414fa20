# Text to ids and back, byte for byte.
m=models/stories-14m.gguf
need $m
try tokenize -m $m -p 'Once upon a time'
try tokenize -m $m -p 'Once upon a time' --no-bos
try tokenize -m $m -p 'Once upon a time' --count
try tokenize -m $m -p 'Hello  wörld' --pieces
try tokenize -m $m -p 'Hello  wörld' --json
try tokenize -m $m -p 'a"b' --json --pieces --no-bos
try tokenize -m $m -p '' --json
try tokenize -m $m -p '' --no-bos
try tokenize -m $m -p '<s></s>' --no-bos
try tokenize -m $m -p '<s></s>' --no-bos --special
try tokenize -m $m --decode -p '1 377 318'
try tokenize -m $m --decode -p '1,377,2' --special
try tokenize -m $m --decode -p ''

# Nothing is dropped: no newline, no NUL, no byte that is no UTF-8.
same() {
    nomul tokenize -m $m "$@" < bytes | nomul tokenize -m $m --decode > back
    cmp bytes back
}
for bytes in '' '\n' 'text\n' 'text\n\n' ' blank' '  two  ' 'a\000b' '\377\376' '\303' 'x\342\226' \
    '\r\n\t' '<s>'; do
    printf "$bytes" > bytes
    same
    same --no-bos
    same -f bytes
done
same -f -
cp text.txt bytes
same
# But one: the sign that the vocabulary writes for a blank is read as a blank.
nomul tokenize -m $m -p 'a▁b' | nomul tokenize -m $m --decode
echo '<'
printf 'one\ntwo\n' | nomul tokenize -m $m --count -p 'and '
printf 'one\ntwo\n' | nomul tokenize -m $m --count -p 'and ' -f -
printf '429 288' > ids
nomul tokenize -m $m --decode -p '429, 288,' -f ids | od -c
