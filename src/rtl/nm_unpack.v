// SPDX-License-Identifier: Apache-2.0
// The parts of a binary32 operand.  Combinational.
//
//     x      sign | exponent, 8 bits | 23 bits
//     exp    the exponent; that of subnormals, stored as 0, is 1
//     frac   the 23 bits below the hidden one, which subnormals lack
`default_nettype none
module nm_unpack (
    input  wire [31:0] x,
    output wire [7:0]  exp,
    output wire [23:0] frac,
    output wire        inf,
    output wire        nan,
    output wire        zero
);
    wire normal = x[30:23] != 0, largest = x[30:23] == 8'hff, whole = x[22:0] == 0;

    assign exp  = {x[30:24], x[23] || !normal};
    assign frac = {normal, x[22:0]};
    assign inf  = largest && whole;
    assign nan  = largest && !whole;
    assign zero = !normal && whole;
    wire unused = x[31];
endmodule
`default_nettype wire
