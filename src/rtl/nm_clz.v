// SPDX-License-Identifier: Apache-2.0
// Counts leading zeros of a fraction, 24 bits.  Combinational.  in = 0 gives 23, as in = 1.
//
// The first group of four bits that is not zero, then the first one in it.  All groups are looked
// at at once; a search by halves of the bits themselves takes twice as long.
`default_nettype none
module nm_clz (
    input  wire [23:0] in,
    output wire [4:0]  zeros
);
    wire [5:1] zero;
    genvar     g;
    generate
        for (g = 1; g < 6; g = g + 1) begin : group
            assign zero[g] = in[4*g+:4] == 0;
        end
    endgenerate
    wire       z4 = &zero[5:2];
    wire       z3 = !z4 && &zero[5:4];
    wire       z2 = z4 ? zero[1] : z3 ? zero[3] : zero[5];
    wire [2:0] first = 3'd5 - {z4, z3, z2};
    wire [3:0] bits = in[{first, 2'b0}+:4];
    wire       z1 = bits[3:2] == 0;
    wire       z0 = z1 ? !bits[1] : !bits[3];

    assign zeros = {z4, z3, z2, z1, z0};
    wire   unused = &{1'b0, bits[0]};
endmodule
`default_nettype wire
