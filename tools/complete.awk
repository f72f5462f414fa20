# SPDX-License-Identifier: Apache-2.0
# Completions for a shell, bash, zsh or fish, from `nomul help --tables`:
#
#   nomul help --tables | awk -v shell=fish -f tools/complete.awk > nomul.fish
#
# Completed are commands, options, the words of a choice, and file names where the table says FILE
# or DIR.

# In single quotes for any of the three shells.
function quote(text) {
    if (shell == "fish") {
        gsub(/\\/, "&&", text)
        gsub(/'/, "\\'", text)
    } else gsub(/'/, "'\\''", text)
    return "'" text "'"
}

# What a value is completed with: "files", "dirs", the words of a choice, or "".
function kind_of(value) {
    if (value == "FILE") return "files"
    if (value == "DIR") return "dirs"
    if (value !~ /^[a-z0-9._]+(\|[a-z0-9._]+)+$/) return ""
    gsub(/\|/, " ", value)
    return value
}

# ---- bash: two case statements, of the words before the cursor, and of the command ---------------

function bash_option(names, kind) {
    bash_words[command] = bash_words[command] " " names
    gsub(/ /, "|" command ":", names)
    how = kind == "files" ? "-f" : kind == "dirs" ? "-d" : "-W '" kind "'"
    after = after sprintf("    %s:%s)\n        COMPREPLY=($(compgen %s -- \"$word\"))\n", command,
        names, how) "        return\n        ;;\n"
}

function bash_end(i) {
    print "# Completion of nomul for bash, made from its tables of options.\n_nomul() {"
    print "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}"
    print "    local command=${COMP_WORDS[1]}\n    COMPREPLY=()"
    print "    if ((COMP_CWORD == 1)) || [[ $command == help && COMP_CWORD -eq 2 ]]; then"
    printf "        COMPREPLY=($(compgen -W '%s help --version' -- \"$word\"))\n",
        substr(commands, 2)
    print "        return\n    fi\n    case $command:$before in"
    printf "%s", after
    print "    esac\n    case $command:$word in"
    for (i = 1; i <= n_commands; i++) {
        printf "    %s:-*) COMPREPLY=($(compgen -W '%s' -- \"$word\")) ;;\n", name_of[i],
            substr(bash_words[name_of[i]], 2)
        if (argument[name_of[i]] != "")
            printf "    %s:*) COMPREPLY=($(compgen -%s -- \"$word\")) ;;\n", name_of[i],
                argument[name_of[i]] == "dirs" ? "d" : "f"
    }
    print "    esac\n}\ncomplete -o filenames -F _nomul nomul"
}

# ---- zsh: one call of _arguments for each command ------------------------------------------------

function zsh_action(kind) {
    if (kind == "files") return "_files"
    if (kind == "dirs") return "_files -/"
    return kind == "" ? "" : "(" kind ")"
}

function zsh_row(text) {
    zsh_rows[command] = zsh_rows[command] " \\\n        " quote(text)
}

function zsh_option(letter, name, is_flag, is_list, value, kind, help, exclude, spec) {
    gsub(/[\[\]]/, "\\\\&", help)
    gsub(/:/, "\\:", help)
    gsub(/:/, "\\:", value)
    spec = "[" help "]" (is_flag ? "" : ":" value ":" zsh_action(kind))
    exclude = is_list ? "*" : "(" (letter == "" ? "" : "-" letter) \
        (letter == "" || name == "" ? "" : " ") (name == "" ? "" : "--" name) ")"
    if (letter != "") zsh_row(exclude "-" letter (is_flag ? "" : "+") spec)
    if (name != "") zsh_row(exclude "--" name (is_flag ? "" : "=") spec)
}

function zsh_end(i) {
    print "#compdef nomul\n# Completion of nomul for zsh, made from its tables of options.\n"
    print "_nomul() {\n    local -a commands\n    commands=("
    for (i = 1; i <= n_commands; i++)
        print "        " quote(name_of[i] ":" summary_of[name_of[i]])
    print "        'help:explain a command'\n    )"
    print "    if (( CURRENT == 2 )) || [[ $words[2] == help ]]; then"
    print "        _describe command commands\n        return\n    fi"
    print "    shift words\n    (( CURRENT-- ))\n    case $words[1] in"
    for (i = 1; i <= n_commands; i++)
        printf "    %s)\n        _arguments -s%s\n        ;;\n", name_of[i], zsh_rows[name_of[i]]
    print "    esac\n}\n\n_nomul \"$@\""
}

# ---- fish: one command for each option -----------------------------------------------------------

function fish_begin() {
    print "# Completion of nomul for fish, made from its tables of options."
    print "complete -c nomul -f"
    print "complete -c nomul -n __fish_use_subcommand -a help -d 'explain a command'"
}

function fish_option(letter, name, is_flag, kind, help) {
    printf "complete -c nomul -n '__fish_seen_subcommand_from %s'%s%s%s -d %s\n", command,
        letter == "" ? "" : " -s " letter, name == "" ? "" : " -l " name,
        is_flag ? "" : kind == "files" ? " -r -F" : kind == "dirs" ? \
            " -x -a '(__fish_complete_directories)'" : \
            kind == "" ? " -x" : " -x -a " quote(kind), quote(help)
}

# ---- The table -----------------------------------------------------------------------------------

BEGIN {
    FS = "\t"
    if (shell == "fish") fish_begin()
}

$1 == "command" {
    command = name_of[++n_commands] = $2
    commands = commands " " command
    summary_of[command] = $3
    if (shell == "fish")
        printf "complete -c nomul -n __fish_use_subcommand -a %s -d %s\n", command, quote($3)
    next
}
$1 == "group" { next }
$1 == "argument" {
    kind = argument[command] = kind_of($4)
    if (shell == "fish" && kind != "")
        printf "complete -c nomul -n '__fish_seen_subcommand_from %s' %s\n", command,
            kind == "dirs" ? "-x -a '(__fish_complete_directories)'" : "-F"
    zsh_row("1:" $4 ":" zsh_action(kind))
    next
}
{
    letter = $2 == "-" ? "" : $2
    name = $3 == "-" ? "" : $3
    is_flag = $1 == "flag"
    kind = is_flag ? "" : kind_of($4)
    names = (letter == "" ? "" : "-" letter) (letter == "" || name == "" ? "" : " ") \
        (name == "" ? "" : "--" name)
    if (shell == "bash" && is_flag) bash_words[command] = bash_words[command] " " names
    else if (shell == "bash") bash_option(names, kind)
    else if (shell == "zsh") zsh_option(letter, name, is_flag, $1 == "list", $4, kind, $6)
    else fish_option(letter, name, is_flag, kind, $6)
}

END {
    if (shell == "bash") bash_end()
    if (shell == "zsh") zsh_end()
}
