# A file name is not empty: each option and argument that takes one says so, those of rows to come,
# too.  (An empty variable names nothing, as an unset one.)
nomul help --tables | awk -F '\t' '
    $1 == "command" { command = $2 }
    $4 != "FILE" && $4 != "DIR" { next }
    $1 == "argument" { print command, "" }
    $2 != "-" { print command, "-" $2 }
    $3 != "-" { print command, "--" $3 }' > options
while read -r command option; do
    try $command $option ''
done < options
try logits --ids @
try logits --ids @words -o ''
try run --model=
printf '%s\n' '/save ' /load '/save   ' | nomul run -i -m models/tiny.gguf -q 2>&1
echo "[$?]"
