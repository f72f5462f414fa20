# Help is made from the option tables, 79 columns wide, and goes to stdout.
try --version
try help
try --help
try -h
for command in run batch convert repack info session logits perplexity tokenize bench selftest; do
    try help $command
    for form in --help -h; do
        nomul $command $form > form
        nomul help $command | cmp - form
    done
done
nomul run -m no.gguf -h > form # before anything that the other options say
nomul help run | cmp - form
nomul help run | awk 'length > 79'
