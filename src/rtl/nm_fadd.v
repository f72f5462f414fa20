// SPDX-License-Identifier: Apache-2.0
// IEEE binary32 addition: y = a + b, rounded to nearest even, subnormals kept.
//
// Latency 4 clocks, one result a clock, no stalls.  Every NaN is 0x7fc00000.
//
//   1  the operand of larger magnitude becomes x, the other one y; difference of exponents
//   2  y moves right, bits that fall off are kept as one sticky bit; x + y or x - y
//   3  normalize: right by one after a carry, else left past leading zeros, but not below the
//      exponent 1, where subnormals live
//   4  round.  Exponent and fraction are one number: a carry out of the fraction is right in
//      the exponent, from subnormal to normal and from the largest number to infinity
`default_nettype none
module nm_fadd (
    input  wire        clk,
    input  wire [31:0] a,
    input  wire [31:0] b,
    output reg  [31:0] y
);
    localparam [31:0] NOT_A_NUMBER = 32'h7fc00000;

    // ---- 1
    wire        swap = b[30:0] > a[30:0];
    wire [31:0] big = swap ? b : a;
    wire [30:0] little = swap ? a[30:0] : b[30:0];
    wire [7:0]  big_exp = big[30:23] == 0 ? 8'd1 : big[30:23];
    wire [7:0]  little_exp = little[30:23] == 0 ? 8'd1 : little[30:23];
    wire        a_inf = a[30:0] == 31'h7f800000, b_inf = b[30:0] == 31'h7f800000;
    wire        a_nan = a[30:0] > 31'h7f800000, b_nan = b[30:0] > 31'h7f800000;

    reg  [23:0] x1, y1;
    reg  [7:0]  exp1, apart1;
    reg         sign1, minus1, nan1, inf1;

    always @(posedge clk) begin
        x1     <= {big[30:23] != 0, big[22:0]};
        y1     <= {little[30:23] != 0, little[22:0]};
        exp1   <= big_exp;
        apart1 <= big_exp - little_exp;
        sign1  <= big[31];
        minus1 <= a[31] != b[31];
        nan1   <= a_nan || b_nan || (a_inf && b_inf && a[31] != b[31]);
        inf1   <= a_inf || b_inf;
    end

    // ---- 2: 24 bits, then guard, round and sticky
    wire [4:0]  shift = apart1 > 8'd26 ? 5'd27 : apart1[4:0];
    wire [53:0] moved = {y1, 30'b0} >> shift;
    wire [26:0] aligned = {moved[53:28], moved[27:0] != 0};

    reg  [27:0] sum2;
    reg  [7:0]  exp2;
    reg         sign2, minus2, nan2, inf2;

    always @(posedge clk) begin
        sum2   <= minus1 ? {1'b0, x1, 3'b0} - {1'b0, aligned} : {1'b0, x1, 3'b0} + {1'b0, aligned};
        exp2   <= exp1;
        sign2  <= sign1;
        minus2 <= minus1;
        nan2   <= nan1;
        inf2   <= inf1;
    end

    // ---- 3
    wire [6:0]  zeros;
    nm_clz #(.WIDTH(27)) clz (.in(sum2[26:0]), .zeros(zeros));
    wire        all = {1'b0, zeros} < exp2;  // enough exponent for all of the leading zeros
    wire [7:0]  left = all ? {1'b0, zeros} : exp2 - 8'd1;

    reg  [26:0] sum3;
    reg  [7:0]  exp3;
    reg         sign3, nan3, inf3;

    always @(posedge clk) begin
        if (sum2[27]) begin
            sum3 <= {sum2[27:2], sum2[1] | sum2[0]};
            exp3 <= exp2 + 8'd1;
        end else begin
            sum3 <= sum2[26:0] << left[4:0];
            exp3 <= all ? exp2 - left : 8'd0;
        end
        sign3 <= sum2 == 0 && minus2 ? 1'b0 : sign2;
        nan3  <= nan2;
        inf3  <= inf2 || (sum2[27] && exp2 == 8'd254);
    end
    wire unused = &{1'b0, left[7:5]};

    // ---- 4
    wire        up = sum3[2] && (sum3[1] || sum3[0] || sum3[3]);
    wire [30:0] rounded = {sum3[26] ? exp3 : 8'd0, sum3[25:3]} + {30'b0, up};

    always @(posedge clk)
        y <= nan3 ? NOT_A_NUMBER : inf3 ? {sign3, 31'h7f800000} : {sign3, rounded};
endmodule
`default_nettype wire
