# A folder that may not be written in: said before the first token.
mkdir closed
chmod 555 closed
[ ! -w closed ] || skip "root may write anywhere"
try run -m models/tiny.gguf -q -p x -n 1 --save-session closed/x
try run -m models/tiny.gguf -q -p x -n 1 --prompt-cache closed/x
chmod 444 closed
try run -m models/tiny.gguf -q -p x -n 1 --prompt-cache closed/x
try session closed/x
chmod 755 closed
ls closed
