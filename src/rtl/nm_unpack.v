// SPDX-License-Identifier: Apache-2.0
// The parts of a binary32 operand.  Combinational.
//
//     x      sign | exponent, 8 bits | 23 bits
//     exp    the exponent; that of subnormals, stored as 0, is 1
//     frac   the 23 bits below the hidden one, which subnormals lack: zeros says how many bits of
//            it are zero from the top
`default_nettype none
module nm_unpack (
    input  wire [31:0] x,
    output wire [9:0]  exp,
    output wire [23:0] frac,
    output wire [6:0]  zeros,
    output wire        inf,
    output wire        nan,
    output wire        zero
);
    wire normal = x[30:23] != 0;

    assign exp  = {2'b0, x[30:23]} + {9'b0, !normal};
    assign frac = {normal, x[22:0]};
    assign inf  = x[30:0] == 31'h7f800000;
    assign nan  = x[30:0] > 31'h7f800000;
    assign zero = x[30:0] == 0;
    nm_clz #(.WIDTH(24)) clz (.in(frac), .zeros(zeros));
    wire unused = x[31];
endmodule
`default_nettype wire
