# Lists of ids, from everywhere, as people write them.
m=models/tiny.gguf
hash() { nomul logits -m $m --hash "$@" || echo "[$?]"; }
want=$(hash --ids 1,2,3)
[ ${#want} = 16 ] || echo "no hash: $want"
same() {
    got=$("$@" 2>&1)
    [ "$got" = "$want" ] || echo "$*: $got"
}
printf ' 1\t2\r\n3\n' > ids.txt
same hash --ids '1 2 3'
same hash --ids=1,2,3
same hash --ids ' 1,  2,,3 '
same hash --ids '+1 002 3'
same hash --ids @ids.txt
same hash --ids - < ids.txt
[ "$(hash --ids 1,2,4)" != "$want" ] || echo "the same hash for other ids"

# Outside the vocabulary: the id and its place.
try logits -m $m --ids 1,512 --hash
try logits -m $m --ids 511,-1 --hash
try logits -m $m --ids 1,99999999999999999999999 --hash
try logits -m $m --ids 4294967297 --hash
echo '1 2 700' > ids.txt
try logits -m $m --ids @ids.txt --hash
echo '1 2 3.5' > ids.txt
try logits -m $m --ids @ids.txt --hash
: > ids.txt
try logits -m $m --ids @ids.txt --hash
try logits -m $m --ids - --hash
try tokenize -m $m --decode -p '1 2 512'
echo 9999 > ids.txt
try tokenize -m $m --decode -f ids.txt
echo ten | nomul tokenize -m $m --decode 2>&1
echo "[$?]"
try run -m $m -p x --logit-bias 512+1
