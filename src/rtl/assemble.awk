# SPDX-License-Identifier: Apache-2.0
# program.txt -> nm_program.v: the ROM of the vector engine.  program.txt says what the lines mean.
#
#   awk -f assemble.awk program.txt > nm_program.v

function fail(why) { printf "program.txt:%d: %s: %s\n", FNR, $0, why > "/dev/stderr"; exit 1 }
function names(list, into, first,    n, i, w) {
    n = split(list, w, " ")
    for (i = 1; i <= n; i++) into[w[i]] = first + i - 1
}
BEGIN {
    at = 0
    names("add sub mul div max min - - mov sqrt muladd", op, 0)
    names("loop end call ret load product waitv layer halt", op, 16)
    names("x u v f i g h sa ab up second", pointer, 0)
    names("gain0 gain1 gain2 bound", gain, 0)
    names("rounder least most log2e ln2high ln2low r7 r6 r5 r4 r3 r2 one c127 absmax bit_eps zero",
          scalar, 0)
    names("nd ne nn eps emb", scalar, 32)
    names("t a kf ki kg k", scalar, 40)
    names("scale_f scale_i scale_g scale_o scale_gu scale_down", scalar, 48)
    names("attn_norm f_gain i_gain g_gain bounds g_norm o_gain ffn_norm gu_gain down_gain", word, 0)
    names("f_w i_w g_w o_w gu_w down_w", word, 10)
    names("embedding record", word, 32)
    names("d e n vocab gate_up up last", class, 0)
}
# Lines of a macro are kept and come again with $1, $2 replaced.
{ sub(/;.*/, "") }
$1 == "macro" { macro = $2; n_lines[macro] = 0; next }
$1 == "endmacro" { macro = ""; next }
macro != "" { body[macro, ++n_lines[macro]] = $0; next }
NF == 0 { next }
$1 in n_lines {
    name = $1
    split($0, argument)
    for (l = 1; l <= n_lines[name]; l++) {
        text = body[name, l]
        for (k = 1; k < 10; k++) gsub("%" k, argument[k + 1], text)
        gsub("%u", "_" uses[name] + 0, text)
        line(text)
    }
    uses[name]++
    next
}
{ line($0) }

function operand_a(t,    kind) {
    if (t == "tile") return 2 * 64
    if (t in pointer) return pointer[t]
    if (t ~ /^r[0-7]$/) return 64 + substr(t, 2)
    if (t ~ /^@/ && substr(t, 2) in scalar) return 3 * 64 + scalar_of(t, 40, 47)
    fail("operand A: " t)
}
function operand_b(t) {
    if (t == "") return 0
    if (t ~ /^r[0-7]$/) return substr(t, 2) + 0
    if (t in gain) return 64 + gain[t]
    if (t ~ /^pow2[ab]\(r[0-7]\)$/) return 3 * 64 + (t ~ /a/ ? 0 : 8) + substr(t, 8, 1)
    if (t ~ /^@/ && substr(t, 2) in scalar) return 128 + scalar_of(t, 48, 63)
    fail("operand B: " t)
}
# Results are no operand A, the record's scalars no operand B: nm_vector does not read them there.
function scalar_of(t, from, to,    n) {
    n = scalar[substr(t, 2)]
    if (n >= from && n <= to) fail("not as this operand: " t)
    return n
}
function line(text,    w, n, i, dst, k, m, d) {
    n = split(text, w, " ")
    if (n == 0) return
    if (w[1] ~ /:$/) { label[substr(w[1], 1, length(w[1]) - 1)] = at; return }
    if (!(w[1] in op)) fail("no such operation")
    source[at] = text
    o[at] = op[w[1]]
    if (o[at] >= 16) { control(w, n); at++; return }
    k = split(w[2], dst, ",")
    for (i = 1; i <= k; i++) {
        d = dst[i]
        if (d in pointer) { to[at] += 16; m_to[at] = pointer[d] }
        else if (d ~ /^r[0-7]$/) { to[at] += 8; r_to[at] = substr(d, 2) }
        else if (d ~ /^@/) { to[at] += 4; s_to[at] = scalar[substr(d, 2)] - 40 }
        else if (d == "q") to[at] += 2
        else if (d == "out") to[at] += 1
        else fail("destination: " d)
    }
    a[at] = operand_a(w[3])
    if (n >= 4 && w[4] != "-") b[at] = operand_b(w[4])
    if (w[1] == "muladd") m_to[at] = scalar[substr(w[5], 2)]
    for (i = w[1] == "muladd" ? 6 : 5; i <= n; i++) {
        if (w[i] == "neg") flags[at] += 2048
        else if (w[i] == "abs") flags[at] += 1024
        else if (w[i] == "acc") flags[at] += 512
        else if (w[i] == "one") flags[at] += 128
        else if (w[i] == "sums") flags[at] += 256
        else if (w[i] ~ /^fold=/) flags[at] += 384 + 8 * substr(w[i], 6)
        else fail("flag: " w[i])
    }
    at++
}
function control(w, n) {
    if (w[1] == "loop") {
        if (!(w[2] in class)) fail("class")
        a[at] = class[w[2]]
        jump[at] = w[3]
    }
    else if (w[1] == "call" || w[1] == "layer") jump[at] = w[2]
    else if (w[1] == "load") {
        if (!(w[3] in word)) fail("word")
        a[at] = word[w[3]]; b[at] = gain[w[2]]; flags[at] = class[w[4]]
    } else if (w[1] == "product") {
        a[at] = word[w[2]]; b[at] = class[w[3]] * 8 + class[w[4]]
        if (!(w[2] in word) || !(w[3] in class) || !(w[4] in class)) fail("product")
    } else if (w[1] == "waitv") a[at] = w[2]
}
END {
    print "// SPDX-License-Identifier: Apache-2.0"
    print "// Written by assemble.awk from program.txt: do not edit."
    print "// A ROM with a register behind it: the instruction comes two clocks after its address.  Both"
    print "// stand still without `move`."
    print "`default_nettype none"
    print "module nm_program ("
    print "    input  wire        clk,"
    print "    input  wire        move,"
    print "    input  wire [8:0]  address,"
    print "    output reg  [47:0] instruction"
    print ");"
    print "    reg [47:0] words [0:511], word;"
    print "    integer    i;"
    print "    always @(posedge clk)"
    print "        if (move) begin"
    print "            word        <= words[address];"
    print "            instruction <= word;"
    print "        end"
    print "    initial begin"
    print "        for (i = 0; i < 512; i = i + 1) words[i] = {5'd25, 43'd0};"
    for (i = 0; i < at; i++) {
        if (i in jump) {
            if (!(jump[i] in label)) { print "no label " jump[i] > "/dev/stderr"; exit 1 }
            flags[i] += label[jump[i]]
        }
        printf "        // %s\n", squeeze(source[i])
        printf "        words[%-3d] = ", i
        printf "{5'd%d, 8'd%d, 8'd%d, 5'd%d, 4'd%d, 3'd%d, 3'd%d, 12'd%d};\n",
            o[i], a[i], b[i], to[i], m_to[i], r_to[i], s_to[i], flags[i]
    }
    print "    end"
    print "endmodule"
    print "`default_nettype wire"
}
function squeeze(t) { gsub(/[ ]+/, " ", t); sub(/^ /, "", t); return t }
