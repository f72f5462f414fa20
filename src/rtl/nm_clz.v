// SPDX-License-Identifier: Apache-2.0
// Counts leading zeros.  Combinational.  in = 0 gives WIDTH.
//
// A search by halves: is the upper half of what is left zero?  WIDTH is at most 64.
`default_nettype none
module nm_clz #(
    parameter WIDTH = 24
) (
    input  wire [WIDTH-1:0] in,
    output wire [6:0]       zeros
);
    wire [63:0] s5 = {in, {(64 - WIDTH){1'b1}}};  // ones below: the count stops at WIDTH
    wire        z5 = s5[63:32] == 0;
    wire [31:0] s4 = z5 ? s5[31:0] : s5[63:32];
    wire        z4 = s4[31:16] == 0;
    wire [15:0] s3 = z4 ? s4[15:0] : s4[31:16];
    wire        z3 = s3[15:8] == 0;
    wire [7:0]  s2 = z3 ? s3[7:0] : s3[15:8];
    wire        z2 = s2[7:4] == 0;
    wire [3:0]  s1 = z2 ? s2[3:0] : s2[7:4];
    wire        z1 = s1[3:2] == 0;
    wire [1:0]  s0 = z1 ? s1[1:0] : s1[3:2];

    assign zeros = {1'b0, z5, z4, z3, z2, z1, ~s0[1]};
    wire   unused = s0[0];
endmodule
`default_nettype wire
