// SPDX-License-Identifier: Apache-2.0
// One row of the array and its BEATS rows of a tile: the sum of up to five q, each added,
// subtracted or left out, is added to the sum of BEATS beats before.
//
// Latency 4 clocks; without `move` nothing changes, and the last step happens with `add` only.
//
//   1  codes become trits      2  two sums of two      3  their sum and the fifth      4  + old
//
// -q is the complement of q, plus one; the five ones are the carry inputs of the five adders.  An
// adder with a carry input is written as one with a bit more below.
//
// A sum moves through BEATS registers until it is needed again, the adder's first; `old` is the
// last one.  `clear` makes it 0, for a new tile, in the clock before the sum is added to it.
`default_nettype none
module nm_row_sum #(
    parameter BEATS = 8  // at least 2
) (
    input  wire        clk,
    input  wire        move,
    input  wire        add,
    input  wire        clear,
    input  wire        t5,
    input  wire [7:0]  code,
    input  wire [39:0] q1,   // five int8, trit 0's lowest; a clock later than code
    output reg  [23:0] sum
);
    wire [4:0] nonzero, negative;
    nm_trits trits (.t5(t5), .code(code), .nonzero(nonzero), .negative(negative));

    reg [4:0] nonzero1, negative1;
    always @(posedge clk)
        if (move) begin
            nonzero1  <= nonzero;
            negative1 <= negative;
        end

    // Trit times q without a multiplication: q, its complement or nothing.
    wire [4:0] one = nonzero1 & negative1;
    wire [9:0] term [0:4];
    genvar j;
    generate
        for (j = 0; j < 5; j = j + 1) begin : column
            wire [9:0] q = {{2{q1[8*j+7]}}, q1[8*j+:8]};
            assign term[j] = {10{nonzero1[j]}} & (q ^ {10{negative1[j]}});
        end
    endgenerate

    wire [10:0] low = {term[0], 1'b1} + {term[1], one[0]};
    wire [10:0] high = {term[2], 1'b1} + {term[3], one[1]};
    reg  [9:0]  low2, high2, rest2;
    reg  [4:2]  one2;
    wire [11:0] four = {low2[9], low2, 1'b1} + {high2[9], high2, one2[2]};
    wire [11:0] five = {four[11:1], 1'b1} + {rest2[9], rest2, one2[3]};
    reg  [10:0] sum3;
    reg         one3;
    reg  [23:0] old;
    wire [24:0] next = {old, 1'b1} + {{13{sum3[10]}}, sum3, one3};

    always @(posedge clk)
        if (move) begin
            low2  <= low[10:1];
            high2 <= high[10:1];
            rest2 <= term[4];
            one2  <= one[4:2];
            sum3  <= five[11:1];
            one3  <= one2[4];
        end
    always @(posedge clk) if (add) sum <= next[24:1];

    wire [24*BEATS-25:0] waiting;  // the newest one lowest
    always @(posedge clk)
        if (clear) old <= 0;
        else if (add) old <= waiting[24*BEATS-25:24*BEATS-48];
    generate
        if (BEATS == 2) begin : no_delay assign waiting = sum; end
        else begin : delay
            reg [24*BEATS-49:0] moving;
            always @(posedge clk) if (add) moving <= waiting[24*BEATS-49:0];
            assign waiting = {moving, sum};
        end
    endgenerate
    wire unused = &{1'b0, low[0], high[0], four[0], five[0], next[0]};
endmodule
`default_nettype wire
