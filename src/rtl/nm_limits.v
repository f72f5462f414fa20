// SPDX-License-Identifier: Apache-2.0
// Whether what the host's registers ask for fits the core: else a token would be written somewhere
// wrong, or never end.
//
// A copy of the registers, one adder and one comparison.  After each register that is written (but
// the id) and after a reset all rules below are checked, one a clock, in less than 100 clocks and
// one for each layer; then `known` is 1 and `fits` the result.  A token costs nothing: the core
// asks while it computes the address of the embedding row, and waits only if `known` is 0.
//
// A rule adds to the sum, or begins one, and compares the sum, as a number without a sign: below
// zero is too much.
//
//   layers       1 to 1023
//   d, e, n      1 to 2^15      vocabulary  1 to 2^17      2n as it says
//   K blocks     the rest less than a block; groups at most Q_GROUPS; they hold the columns, 4 (t5:
//                5) each, and three groups less do not, as the file has them in threes
//   main memory  x u v: d elements from there; f i g: e; h: e, each layer; sa: n, whole blocks; ab,
//                up, second: in two blocks that begin at a multiple of their size
//   gain memory  gain0, gain1: d and e elements from there; gain2: n; bound: e
//
// That two vectors do not overlap is up to the host.
`default_nettype none
module nm_limits #(
    parameter LANE_BITS = 2,
    parameter VL_BITS = 4,
    parameter M_STRIPS = 1024,
    parameter G_STRIPS = 256,
    parameter Q_GROUPS = 256
) (
    input  wire        clk,
    input  wire        rst,
    input  wire        t5,
    input  wire        put,
    input  wire [6:0]  put_address,
    input  wire [31:0] put_data,
    output reg         known,
    output reg         fits
);
    localparam VB_BITS = VL_BITS + LANE_BITS;  // elements of a block
    localparam [21:0] LAST_LANE = (1 << LANE_BITS) - 1, LAST_OF_BLOCK = (1 << VB_BITS) - 1;
    localparam [31:0] M_LIMIT = M_STRIPS, G_LIMIT = G_STRIPS, Q_LIMIT = Q_GROUPS,
                      RING_LIMIT = (M_STRIPS >> (VL_BITS + 1) << (VL_BITS + 1)) - 1;

    // ---- The registers: 19 bits, and one that says that the number is larger
    localparam [6:0] POINTERS = 7'h20;  // from bit 28 on they have something else
    reg  [19:0] words [0:63];
    wire        larger = put_data[27:19] != 0 || (put_address < POINTERS && put_data[31:28] != 0);
    always @(posedge clk)
        if (put && !put_address[6]) words[put_address[5:0]] <= {larger, put_data[18:0]};

    // ---- Rules
    // What is added: the register; elements in strips, or in strips of whole blocks; the K blocks'
    // rest, their groups, the same if t5.
    localparam [2:0] WORD = 3'd0, STRIPS = 3'd1, BLOCKS = 3'd2, REST = 3'd3, GROUPS = 3'd4,
                     FIFTH = 3'd5;
    // What the sum may be at most.
    localparam [3:0] ANY = 4'd0, MAIN = 4'd1, GAIN = 4'd2, RING = 4'd3, LAYERS = 4'd4,
                     COLUMNS = 4'd5, TOKENS = 4'd6, NONE = 4'd7, PACKED = 4'd8, PART = 4'd9,
                     QUEUE = 4'd10, SPARE = 4'd11;
    // Whether a sum begins, whether it is subtracted, whether zero is too little, and so many times
    // as there are layers.
    localparam [3:0] ADD = 4'b0000, FIRST = 4'b1000, MINUS = 4'b0100, SOME = 4'b1010,
                     EACH = 4'b0001;
    localparam [5:0] N_LAYERS = 6'h02, D = 6'h08, E = 6'h09, N = 6'h0a, VOCAB = 6'h0b,
                     TWICE_N = 6'h0c, BLOCKS_OF_D = 6'h10, GAIN0 = 6'h14, GAIN1 = 6'h15,
                     GAIN2 = 6'h16, BOUND = 6'h17, X = 6'h20, U = 6'h21, V = 6'h22, F = 6'h23,
                     I = 6'h24, G = 6'h25, H = 6'h26, SA = 6'h27, AB = 6'h28, UP = 6'h29,
                     SECOND = 6'h2a;
    localparam [6:0] BEGIN = 7'd4, END = 7'd76;

    // The rules of the K blocks of d columns, eight; of e and n the same with the next registers.
    function [16:0] k_blocks(input [2:0] rule, input [5:0] which);
        case (rule)
            3'd0:    k_blocks = {FIRST, WORD, PACKED, BLOCKS_OF_D + which};
            3'd1:    k_blocks = {FIRST, REST, PART, BLOCKS_OF_D + which};
            3'd2:    k_blocks = {FIRST, GROUPS, QUEUE, BLOCKS_OF_D + which};
            3'd6:    k_blocks = {ADD, FIFTH, ANY, BLOCKS_OF_D + which};
            3'd7:    k_blocks = {MINUS, WORD, SPARE, D + which};
            default: k_blocks = {ADD, GROUPS, ANY, BLOCKS_OF_D + which};
        endcase
    endfunction
    function [16:0] rule_of(input [6:0] number);
        case (number)
            7'd5:    rule_of = {SOME, WORD, COLUMNS, D};
            7'd6:    rule_of = {SOME, WORD, COLUMNS, E};
            7'd7:    rule_of = {SOME, WORD, COLUMNS, N};
            7'd8:    rule_of = {SOME, WORD, TOKENS, VOCAB};
            7'd9:    rule_of = {FIRST, WORD, ANY, N};
            7'd10:   rule_of = {ADD, WORD, ANY, N};
            7'd11:   rule_of = {MINUS, WORD, NONE, TWICE_N};
            7'd12:   rule_of = {FIRST, WORD, ANY, X};
            7'd13:   rule_of = {ADD, STRIPS, MAIN, D};
            7'd14:   rule_of = {FIRST, WORD, ANY, U};
            7'd15:   rule_of = {ADD, STRIPS, MAIN, D};
            7'd16:   rule_of = {FIRST, WORD, ANY, V};
            7'd17:   rule_of = {ADD, STRIPS, MAIN, D};
            7'd18:   rule_of = {FIRST, WORD, ANY, F};
            7'd19:   rule_of = {ADD, STRIPS, MAIN, E};
            7'd20:   rule_of = {FIRST, WORD, ANY, I};
            7'd21:   rule_of = {ADD, STRIPS, MAIN, E};
            7'd22:   rule_of = {FIRST, WORD, ANY, G};
            7'd23:   rule_of = {ADD, STRIPS, MAIN, E};
            7'd24:   rule_of = {FIRST, WORD, ANY, SA};
            7'd25:   rule_of = {ADD, BLOCKS, MAIN, N};
            7'd26:   rule_of = {FIRST, WORD, RING, AB};
            7'd27:   rule_of = {FIRST, WORD, RING, UP};
            7'd28:   rule_of = {FIRST, WORD, RING, SECOND};
            7'd29:   rule_of = {FIRST, WORD, ANY, GAIN0};
            7'd30:   rule_of = {ADD, STRIPS, GAIN, D};
            7'd31:   rule_of = {FIRST, WORD, ANY, GAIN0};
            7'd32:   rule_of = {ADD, STRIPS, GAIN, E};
            7'd33:   rule_of = {FIRST, WORD, ANY, GAIN1};
            7'd34:   rule_of = {ADD, STRIPS, GAIN, D};
            7'd35:   rule_of = {FIRST, WORD, ANY, GAIN1};
            7'd36:   rule_of = {ADD, STRIPS, GAIN, E};
            7'd37:   rule_of = {FIRST, WORD, ANY, GAIN2};
            7'd38:   rule_of = {ADD, STRIPS, GAIN, N};
            7'd39:   rule_of = {FIRST, WORD, ANY, BOUND};
            7'd40:   rule_of = {ADD, STRIPS, GAIN, E};
            7'd41:   rule_of = {FIRST, WORD, ANY, H};
            7'd42:   rule_of = {EACH, STRIPS, MAIN, E};
            default: rule_of = number[6:3] == 4'd6 ? k_blocks(number[2:0], 6'd0)
                             : number[6:3] == 4'd7 ? k_blocks(number[2:0], 6'd1)
                             : number[6:3] == 4'd8 ? k_blocks(number[2:0], 6'd2)
                             : {SOME, WORD, LAYERS, N_LAYERS};  // BEGIN, and where no rule is
        endcase
    endfunction
    function [21:0] limit_of(input [3:0] which, input five);
        case (which)
            MAIN:    limit_of = M_LIMIT[21:0];
            GAIN:    limit_of = G_LIMIT[21:0];
            RING:    limit_of = RING_LIMIT[21:0];
            LAYERS:  limit_of = 22'd1023;
            COLUMNS: limit_of = 22'd1 << 15;
            TOKENS:  limit_of = 22'd1 << 17;
            NONE:    limit_of = 22'd0;
            PACKED:  limit_of = 22'h3fff;
            PART:    limit_of = five ? 22'd47 : 22'd59;
            QUEUE:   limit_of = Q_LIMIT[21:0];
            SPARE:   limit_of = five ? 22'd14 : 22'd11;
            default: limit_of = ~22'd0;
        endcase
    endfunction

    // ---- A rule takes four clocks: its register, what is added, the sum, the comparison
    reg  [6:0]  step;
    wire [16:0] rule = rule_of(step);
    reg  [9:0]  left;    // layers to add
    wire        again = rule[13] && left > 10'd1;
    wire        restart = rst || (put && put_address > 7'd1);

    reg  [19:0] word_1;
    reg  [9:0]  rule_1;
    reg  [21:0] term_2, sum_3, limit_3;
    reg  [2:0]  rule_2;
    reg  [3:0]  limit_2;
    reg         some_3;
    wire [21:0] word = {2'b0, word_1};
    wire [21:0] blocks = {14'b0, word_1[7:0]};
    wire [21:0] groups = (t5 ? (blocks << 4) + (blocks << 5) : (blocks << 6) - (blocks << 2)) +
                         {16'b0, word_1[13:8]};

    always @(posedge clk) begin
        if (restart) step <= 0;
        else if (step != END && !again) step <= step + 7'd1;
        if (step == BEGIN + 7'd1) left <= word_1[9:0];
        else if (again) left <= left - 10'd1;
        known <= !restart && step == END;

        word_1 <= words[rule[5:0]];
        rule_1 <= {rule[16:14], rule[12:6]};
        case (rule_1[6:4])
            STRIPS:  term_2 <= (word + LAST_LANE) >> LANE_BITS;
            BLOCKS:  term_2 <= (word + LAST_OF_BLOCK) >> VB_BITS << VL_BITS;
            REST:    term_2 <= {16'b0, word_1[13:8]};
            GROUPS:  term_2 <= groups;
            FIFTH:   term_2 <= t5 ? groups : 22'd0;
            default: term_2 <= word;
        endcase
        rule_2  <= rule_1[9:7];
        limit_2 <= rule_1[3:0];
        sum_3   <= (rule_2[2] ? 22'd0 : sum_3) + (rule_2[1] ? ~term_2 : term_2) +
                   {21'b0, rule_2[1]};
        limit_3 <= limit_of(limit_2, t5);
        some_3  <= rule_2[0];
        // What was under way at a restart has left when step is BEGIN.
        fits    <= step < BEGIN || (fits && sum_3 <= limit_3 && !(some_3 && sum_3 == 0));
    end
endmodule
`default_nettype wire
