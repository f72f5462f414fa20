// SPDX-License-Identifier: Apache-2.0
// One row of the array: the sum of up to five q, each added, subtracted or left out.
//
// Latency 3 clocks; a clock without `move` changes nothing.  |sum| <= 5 * 127 = 635.
//
//   1  codes become trits        2  two partial sums        3  their sum
`default_nettype none
module nm_row_sum (
    input  wire        clk,
    input  wire        move,
    input  wire        t5,
    input  wire [7:0]  code,
    input  wire [39:0] q1,   // five int8, trit 0's lowest; a clock later than code
    output reg  [10:0] sum
);
    wire [4:0] plus, minus;
    nm_trits trits (.t5(t5), .code(code), .plus(plus), .minus(minus));

    reg [4:0] plus1, minus1;
    always @(posedge clk)
        if (move) begin
            plus1  <= plus;
            minus1 <= minus;
        end

    // Trit times q without a multiplication: q, its complement or nothing; the complement
    // lacks one to be -q, and the ones are counted.
    wire [8:0] term [0:4];
    genvar j;
    generate
        for (j = 0; j < 5; j = j + 1) begin : column
            wire [8:0] q = {q1[8*j+7], q1[8*j+:8]};
            assign term[j] = plus1[j] ? q : minus1[j] ? ~q : 9'd0;
        end
    endgenerate

    reg [10:0] low2, high2;
    always @(posedge clk)
        if (move) begin
            low2  <= {{2{term[0][8]}}, term[0]} + {{2{term[1][8]}}, term[1]} +
                     {{2{term[2][8]}}, term[2]};
            high2 <= {{2{term[3][8]}}, term[3]} + {{2{term[4][8]}}, term[4]} +
                     {10'b0, minus1[0]} + {10'b0, minus1[1]} + {10'b0, minus1[2]} +
                     {10'b0, minus1[3]} + {10'b0, minus1[4]};
            sum   <= low2 + high2;
        end
endmodule
`default_nettype wire
