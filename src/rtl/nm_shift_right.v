// SPDX-License-Identifier: Apache-2.0
// Moves right by 0 to 2^BITS - 1; `lost` says whether a one fell off.  Combinational.
//
// A stage a bit of `by`, the largest one first.
`default_nettype none
module nm_shift_right #(
    parameter WIDTH = 50,
    parameter BITS = 6
) (
    input  wire [WIDTH-1:0] in,
    input  wire [BITS-1:0]  by,
    output reg  [WIDTH-1:0] out,
    output reg              lost
);
    localparam [WIDTH-1:0] ALL = ~0;
    integer k;
    always @* begin
        out = in;
        lost = 1'b0;
        for (k = BITS - 1; k >= 0; k = k - 1)
            if (by[k]) begin
                lost = lost || (out & ~(ALL << (1 << k))) != 0;
                out = out >> (1 << k);
            end
    end
endmodule
`default_nettype wire
