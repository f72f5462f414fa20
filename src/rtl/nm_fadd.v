// SPDX-License-Identifier: Apache-2.0
// IEEE binary32 addition: y = a + b, rounded to nearest even, subnormals kept.
//
// Latency 4 clocks, one result a clock, no stalls.  Every NaN is 0x7fc00000.  With `select` an
// operand comes out as it is: a zero is added to it.
//
//   1  the operand of larger magnitude becomes x, the other one y; difference of exponents
//   2  y moves right, bits that fall off are kept as one sticky bit; x + y or x - y
//   3  normalize: left past the leading zeros, of which a sum with a carry has none, but not below
//      the exponent 1, where subnormals live; here by 16, 8 and 4, none of which waits for a shift
//   4  by 2 and 1; round.  Exponent and fraction are one number: a carry out of the fraction is
//      right in the exponent, from subnormal to normal and from the largest number to infinity
`default_nettype none
module nm_fadd (
    input  wire        clk,
    input  wire [31:0] a,
    input  wire [31:0] b,
    input  wire        select,  // y = pick ? b : a instead
    input  wire        pick,
    output wire        larger,  // at once: the magnitude of b is larger
    output reg  [31:0] y
);
    localparam [31:0] NOT_A_NUMBER = 32'h7fc00000;

    // ---- 1
    // A subtraction, not a comparison, which Yosys makes of LUTs instead of a carry chain.
    wire [31:0] a_minus_b = {1'b0, a[30:0]} - {1'b0, b[30:0]};
    assign larger = a_minus_b[31];
    wire        unused_difference = &{1'b0, a_minus_b[30:0]};
    wire        take_b = select ? pick : larger;
    wire [22:0] big = take_b ? b[22:0] : a[22:0];
    wire        a_normal = a[30:23] != 0, b_normal = b[30:23] != 0;
    wire        a_largest = a[30:23] == 8'hff, b_largest = b[30:23] == 8'hff;
    wire [7:0]  a_exp = {a[30:24], a[23] || !a_normal};
    wire [7:0]  b_exp = {b[30:24], b[23] || !b_normal};
    wire [7:0]  b_above = b_exp - a_exp, a_above = a_exp - b_exp;

    reg  [23:0] x1, y1;
    reg  [7:0]  exp1, apart1;
    reg         sign1, minus1, inf1, both_inf1;

    always @(posedge clk) begin
        x1     <= {take_b ? b_normal : a_normal, big};
        y1     <= select ? 24'd0 : larger ? {a_normal, a[22:0]} : {b_normal, b[22:0]};
        exp1   <= take_b ? b_exp : a_exp;
        apart1 <= larger ? b_above : a_above;
        sign1  <= take_b ? b[31] : a[31];
        minus1 <= a[31] != b[31] && !select;
        // Infinity or a NaN: x if one of them is one.
        inf1      <= take_b ? b_largest : a_largest;
        both_inf1 <= a_largest && b_largest;
    end

    // ---- 2: 24 bits, then guard, round and sticky
    wire [25:0] moved;
    wire        lost;
    nm_shift_right #(.WIDTH(26), .BITS(5)) shift (
        .in({y1, 2'b0}), .by(apart1[7:5] != 0 ? 5'd31 : apart1[4:0]), .out(moved), .lost(lost)
    );
    wire [27:0] y2 = {1'b0, moved, lost} ^ {28{minus1}};
    wire [28:0] sum = {1'b0, x1, 3'b0, 1'b1} + {y2, minus1};

    reg  [27:0] sum2;
    reg  [7:0]  exp2;
    reg  [4:0]  room2;  // how far it may move: exp2, but at most 31
    reg         sign2, minus2, nan2, inf2;

    always @(posedge clk) begin
        sum2   <= sum[28:1];
        exp2   <= exp1;
        room2  <= exp1[7:5] != 0 ? 5'd31 : exp1[4:0];
        sign2  <= sign1;
        minus2 <= minus1;
        nan2   <= inf1 && (x1[22:0] != 0 || (both_inf1 && minus1));
        inf2   <= inf1;
    end
    wire unused_carry = sum[0];

    // ---- 3: groups of four bits tell how far.  With bit 27 set the exponent is one more than exp2
    // minus the move
    wire [6:1] zero;  // of a sum that is zero nothing is moved
    genvar g;
    generate
        for (g = 1; g < 7; g = g + 1) begin : group
            assign zero[g] = sum2[4*g+:4] == 0;
        end
    endgenerate
    wire by16 = &zero[6:3] && room2[4];
    wire by8 = by16 ? &zero[2:1] && room2[3] : &zero[6:5] && room2[4:3] != 0;
    wire by4 = by16 ? !by8 && zero[2] && room2[3:2] != 0
                    : (by8 ? zero[4] && (room2[4] || room2[2]) : zero[6] && room2[4:2] != 0);

    reg  [27:0] sum3;
    reg  [7:0]  exp3;
    reg  [2:0]  left3;
    reg  [1:0]  room3;
    reg         sign3, nan3, inf3;

    always @(posedge clk) begin
        sum3  <= sum2 << {by16, by8, by4, 2'd0};
        exp3  <= exp2 + 8'd1;
        left3 <= {by16, by8, by4};
        room3 <= room2[4:2] != {by16, by8, by4} ? 2'd3 : room2[1:0];
        sign3 <= sum2 == 0 && minus2 ? 1'b0 : sign2;
        nan3  <= nan2;
        inf3  <= inf2 || (sum2[27] && exp2 == 8'd254);
    end

    // ---- 4
    wire        by2 = sum3[27:26] == 0 && room3[1];
    wire        by1 = by2 ? !sum3[25] && room3[0] : !sum3[27] && room3 != 0;
    wire [27:0] n = sum3 << {by2, by1};
    wire [7:0]  exp = exp3 - {3'd0, left3, by2, by1};
    wire        up = n[3] && (n[2] || n[1] || n[0] || n[4]);
    wire [30:0] rounded = {n[27] ? exp : 8'd0, n[26:4]} + {30'b0, up};

    always @(posedge clk)
        y <= nan3 ? NOT_A_NUMBER : {sign3, inf3 ? 31'h7f800000 : rounded};
endmodule
`default_nettype wire
