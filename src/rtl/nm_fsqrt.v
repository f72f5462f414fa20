// SPDX-License-Identifier: Apache-2.0
// IEEE binary32 square root: y = sqrt(a), rounded to nearest even, subnormals kept.
//
// Not pipelined: start with a, done 28 clocks later with y, which is then kept until the next
// start.  Every NaN is 0x7fc00000, so is the root of a number below zero; that of -0 is -0.
//
// One bit of the root a clock, from the top: two more bits of the radicand come to the
// remainder, and if that is at least 4 root + 1, the next bit is one.  The root of a number is
// never subnormal and never rounds up to a power of two that overflows.
`default_nettype none
module nm_fsqrt (
    input  wire        clk,
    input  wire        rst,
    input  wire        start,
    input  wire [31:0] a,
    output reg         done,
    output reg  [31:0] y
);
    localparam [9:0] NOT_A_NUMBER = 10'h1ff;  // the upper bits; below are zeros
    localparam       BITS = 25;  // 24 of the fraction, one to round

    wire [23:0] frac = {a[30:23] != 0, a[22:0]};
    wire [4:0]  zeros;
    nm_clz clz (.in(frac), .zeros(zeros));

    reg  [23:0] frac1;   // the operand, its leading zeros not yet removed
    reg  [4:0]  left1;
    reg  [7:0]  exp1;    // its exponent
    reg         special;
    reg  [9:0]  result;  // if special: its upper bits

    reg  [4:0]  step;    // 0 idle, 1 normalize, 2 to BITS + 1 a bit each, then round
    reg  [BITS+1:0] rem;
    reg  [BITS-1:0] root;
    reg  [2*BITS-1:0] radicand;
    reg  [7:0]  exp;

    wire [23:0]     norm = frac1 << left1;
    wire [9:0]      norm_exp = {2'b0, exp1} - {5'b0, left1};  // signed
    wire            odd = norm_exp[0];  // exponent - 127 is even if exponent is odd
    wire [BITS+3:0] next = {rem, radicand[2*BITS-1:2*BITS-2]};
    wire [BITS+3:0] minus = next - {2'b0, root, 2'b01};
    wire            up = root[0] && (root[1] || rem != 0);
    wire [30:0]     rounded = {exp, root[BITS-2:1]} + {30'b0, up};
    wire [9:0]      half = norm_exp + 10'd127;  // (exponent - 127) / 2 + 127, rounded down

    always @(posedge clk) begin
        done <= 1'b0;
        if (rst) step <= 0;
        else if (start) begin
            frac1   <= frac;
            left1   <= zeros;
            exp1    <= {a[30:24], a[23] || a[30:23] == 0};
            special <= a[31] || a[30:23] == 8'hff || a[30:0] == 0;
            result  <= a[30:0] > 31'h7f800000 || (a[31] && a[30:0] != 0) ? NOT_A_NUMBER : a[31:22];
            step    <= 5'd1;
        end else if (step == 5'd1) begin
            // The radicand in [1, 4): its leading two bits are 01, 10 or 11.
            radicand <= odd ? {1'b0, norm, 25'b0} : {norm, 26'b0};
            exp      <= half[8:1];
            rem      <= 0;
            root     <= 0;
            step     <= 5'd2;
        end else if (step == BITS[4:0] + 5'd2) begin
            y    <= special ? {result, 22'd0} : {1'b0, rounded};
            done <= 1'b1;
            step <= 0;
        end else if (step != 0) begin
            rem      <= minus[BITS+3] ? next[BITS+1:0] : minus[BITS+1:0];
            root     <= {root[BITS-2:0], ~minus[BITS+3]};
            radicand <= {radicand[2*BITS-3:0], 2'b0};
            step     <= step + 5'd1;
        end
    end
    wire unused = &{1'b0, half[9], half[0], root[BITS-1], next[BITS+2], minus[BITS+2]};
endmodule
`default_nettype wire
