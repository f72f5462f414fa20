// SPDX-License-Identifier: Apache-2.0
// Counts leading zeros of 32 bits.  Combinational.  in = 0 gives 31: who needs to tell that from 1,
// or has fewer bits, sets bits below its own.
//
// A search by halves: is the upper half of what is left zero?
`default_nettype none
module nm_clz (
    input  wire [31:0] in,
    output wire [4:0]  zeros
);
    wire        z4 = in[31:16] == 0;
    wire [15:0] s3 = z4 ? in[15:0] : in[31:16];
    wire        z3 = s3[15:8] == 0;
    wire [7:0]  s2 = z3 ? s3[7:0] : s3[15:8];
    wire        z2 = s2[7:4] == 0;
    wire [3:0]  s1 = z2 ? s2[3:0] : s2[7:4];
    wire        z1 = s1[3:2] == 0;
    wire        z0 = z1 ? !s1[1] : !s1[3];

    assign zeros = {z4, z3, z2, z1, z0};
    wire   unused = s1[0];
endmodule
`default_nettype wire
