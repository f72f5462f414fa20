// SPDX-License-Identifier: Apache-2.0
// IEEE binary32 multiplication: y = a b, rounded to nearest even, subnormals kept.
//
// Latency 4 clocks, one result a clock, no stalls.  Every NaN is 0x7fc00000.
//
//   1  four products of 18 or 6 by 18 or 6 bits, the only multipliers; leading zeros of the operand
//      that is subnormal, if one is.  If both are, the product is far below the least number, and
//      no number of zeros makes it wrong
//   2  their sum, the product of 24 by 24 bits; how far it has to move
//   3  move: left past the leading zeros, but not below the exponent 1; where the exponent is
//      already below, right.  Both are a move right by 23 minus something; what falls off becomes
//      a sticky bit
//   4  left by one more if the product of the two normalized fractions was below 2; round
`default_nettype none
module nm_fmul (
    input  wire        clk,
    input  wire [31:0] a,
    input  wire [31:0] b,
    output reg  [31:0] y
);
    localparam [31:0] NOT_A_NUMBER = 32'h7fc00000;

    // ---- 1
    wire a_normal = a[30:23] != 0, b_normal = b[30:23] != 0;
    wire a_inf, b_inf, a_nan, b_nan, a_zero, b_zero;
    wire [23:0] a_frac, b_frac;
    wire [7:0]  a_exp, b_exp;
    nm_unpack a_parts (.x(a), .exp(a_exp), .frac(a_frac), .inf(a_inf), .nan(a_nan), .zero(a_zero));
    nm_unpack b_parts (.x(b), .exp(b_exp), .frac(b_frac), .inf(b_inf), .nan(b_nan), .zero(b_zero));
    wire [4:0]  zeros;
    nm_clz clz (.in(a_normal ? b_frac : a_frac), .zeros(zeros));

    reg  [35:0] low1;
    reg  [23:0] cross1, cross_too1;
    reg  [11:0] high1;
    reg  [4:0]  zeros1;
    reg  [9:0]  exp1;  // signed
    reg         sign1, nan1, inf1;

    always @(posedge clk) begin
        low1       <= a_frac[17:0] * b_frac[17:0];
        cross1     <= a_frac[17:0] * b_frac[23:18];
        cross_too1 <= a_frac[23:18] * b_frac[17:0];
        high1      <= a_frac[23:18] * b_frac[23:18];
        zeros1     <= zeros;
        exp1       <= {2'd0, a_exp} + {2'd0, b_exp} - 10'd127;
        sign1      <= a[31] ^ b[31];
        nan1       <= a_nan || b_nan || (a_inf && b_zero) || (a_zero && b_inf);
        inf1       <= a_inf || b_inf;
    end
    wire unused_normal = b_normal;

    // ---- 2: a product whose bit 47 is set has the exponent exp1 + 1
    wire [9:0] exp_left = exp1 - {5'd0, zeros1};  // signed
    wire       limited = exp_left[9];
    wire [9:0] right = 10'd23 - (limited ? exp1 : {5'd0, zeros1});

    reg  [47:0] p2;
    reg  [5:0]  right2;
    reg  [9:0]  exp2;
    reg         sign2, nan2, inf2, may_move2;

    always @(posedge clk) begin
        p2        <= {high1, low1} + {5'd0, {1'b0, cross1} + {1'b0, cross_too1}, 18'd0};
        right2    <= right[9:6] != 0 ? 6'd63 : right[5:0];
        exp2      <= limited ? 10'd1 : exp_left + 10'd1;
        may_move2 <= !limited && exp_left != 0;
        sign2     <= sign1;
        nan2      <= nan1;
        inf2      <= inf1;
    end

    // ---- 3: 24 bits, guard, round and one bit more, as it may move by one; then sticky
    wire [49:0] moved;
    wire        lost;
    nm_shift_right #(.WIDTH(50), .BITS(6)) shift (
        .in({p2, 2'b0}), .by(right2), .out(moved), .lost(lost)
    );
    wire unused_moved = &{1'b0, moved[49:27]};

    reg  [27:0] n3;
    reg  [9:0]  exp3;
    reg         sign3, nan3, inf3, may_move3;

    always @(posedge clk) begin
        n3        <= {moved[26:0], lost};
        exp3      <= exp2;
        may_move3 <= may_move2;
        sign3     <= sign2;
        nan3      <= nan2;
        inf3      <= inf2;
    end

    // ---- 4
    wire        move = may_move3 && !n3[27];
    wire [26:0] n = move ? n3[26:0] : {n3[27:2], n3[1] | n3[0]};
    wire [9:0]  exp = exp3 - {9'd0, move};
    wire        up = n[2] && (n[1] || n[0] || n[3]);
    wire [30:0] rounded = {n[26] ? exp[7:0] : 8'd0, n[25:3]} + {30'b0, up};
    wire        over = exp[8] || &exp[7:0];
    wire        unused_exp = exp[9];

    always @(posedge clk)
        y <= nan3 ? NOT_A_NUMBER : {sign3, inf3 || over ? 31'h7f800000 : rounded};
endmodule
`default_nettype wire
