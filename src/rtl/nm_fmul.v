// SPDX-License-Identifier: Apache-2.0
// IEEE binary32 multiplication: y = a b, rounded to nearest even, subnormals kept.
//
// Latency 4 clocks, one result a clock, no stalls.  Every NaN is 0x7fc00000.
//
//   1  leading zeros of both fractions (subnormal operands have some)
//   2  the product of 24 by 24 bits, the only multiplier; how far it has to move
//   3  move left past the leading zeros, but not below the exponent 1; where the exponent is
//      already below, move right, and what falls off becomes a sticky bit
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
    wire [9:0]  a_exp, b_exp;
    wire [23:0] a_frac, b_frac;
    wire [6:0]  a_zeros, b_zeros;
    wire        a_inf, b_inf, a_nan, b_nan, a_zero, b_zero;
    nm_unpack a_parts (.x(a), .exp(a_exp), .frac(a_frac), .zeros(a_zeros), .inf(a_inf),
                       .nan(a_nan), .zero(a_zero));
    nm_unpack b_parts (.x(b), .exp(b_exp), .frac(b_frac), .zeros(b_zeros), .inf(b_inf),
                       .nan(b_nan), .zero(b_zero));

    reg  [23:0] a1, b1;
    reg  [5:0]  zeros1;
    reg  [9:0]  exp1;  // signed
    reg         sign1, nan1, inf1, zero1;

    always @(posedge clk) begin
        a1     <= a_frac;
        b1     <= b_frac;
        zeros1 <= a_zeros[5:0] + b_zeros[5:0];
        exp1   <= a_exp + b_exp - 10'd127;
        sign1  <= a[31] ^ b[31];
        nan1   <= a_nan || b_nan || (a_inf && b_zero) || (a_zero && b_inf);
        inf1   <= a_inf || b_inf;
        zero1  <= a_zero || b_zero;
    end
    wire unused = &{1'b0, a_zeros[6], b_zeros[6]};

    // ---- 2: a product whose bit 47 is set has the exponent exp + 1
    wire        below = $signed(exp1) < 0;
    wire        limited = !below && exp1 < {4'b0, zeros1};
    wire [9:0]  right = 10'd0 - exp1;

    reg  [47:0] p2;
    reg  [5:0]  left2, right2;
    reg  [9:0]  exp2;
    reg         sign2, nan2, inf2, zero2, may_move2;

    always @(posedge clk) begin
        p2        <= a1 * b1;
        left2     <= below ? 6'd0 : limited ? exp1[5:0] : zeros1;
        right2    <= !below ? 6'd0 : right > 10'd49 ? 6'd49 : right[5:0];
        exp2      <= below || limited ? 10'd1 : exp1 + 10'd1 - {4'b0, zeros1};
        may_move2 <= !below && exp1 > {4'b0, zeros1};
        sign2     <= sign1;
        nan2      <= nan1;
        inf2      <= inf1;
        zero2     <= zero1;
    end

    // ---- 3: 24 bits, guard, round and sticky; one bit more, as it may move by one
    wire [47:0] to_left = p2 << left2;
    wire [48:0] to_right = {p2, 1'b0} >> right2;
    wire        lost = right2 != 0 && (({p2, 1'b0} & ~(49'h1ffffffffffff << right2)) != 0);

    reg  [27:0] n3;
    reg  [9:0]  exp3;
    reg         sign3, nan3, inf3, zero3, may_move3;

    always @(posedge clk) begin
        n3        <= right2 != 0 ? {to_right[48:22], to_right[21:0] != 0 || lost}
                                 : {to_left[47:21], to_left[20:0] != 0};
        exp3      <= exp2;
        may_move3 <= may_move2;
        sign3     <= sign2;
        nan3      <= nan2;
        inf3      <= inf2;
        zero3     <= zero2;
    end

    // ---- 4
    wire        move = may_move3 && !n3[27];
    wire [26:0] n = move ? {n3[26:1], n3[0]} : {n3[27:2], n3[1] | n3[0]};
    wire [9:0]  exp = move ? exp3 - 10'd1 : exp3;
    wire        up = n[2] && (n[1] || n[0] || n[3]);
    wire [30:0] rounded = {n[26] ? exp[7:0] : 8'd0, n[25:3]} + {30'b0, up};

    always @(posedge clk)
        y <= nan3 ? NOT_A_NUMBER
           : inf3 || (!zero3 && exp > 10'd254) ? {sign3, 31'h7f800000}
           : zero3 ? {sign3, 31'b0} : {sign3, rounded};
endmodule
`default_nettype wire
