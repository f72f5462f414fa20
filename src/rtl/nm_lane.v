// SPDX-License-Identifier: Apache-2.0
// One lane of the vector engine: y = a op b.
//
// Latency 4 clocks, one result a clock.  `op` comes with the operands, `op_out` with the result.
// Division and square root are not here: nm_vector has fewer of them than lanes.
//
//   muladd  a b + c, rounded twice: the product enters the adder, `sum` is it 4 clocks later; c
//           comes with op_out.  The adder has to be free then
//   max     b > a ? b : a, as in C: a if one is a NaN; the same for min, b < a ? b : a
//   mov     a
//
// With `ahead` the sum that comes out now is added to a instead of b (`ahead` with op = add).
`include "nm_isa.vh"
`default_nettype none
module nm_lane (
    input  wire        clk,
    input  wire [4:0]  op,
    input  wire        ahead,
    input  wire [31:0] a,
    input  wire [31:0] b,
    input  wire [4:0]  op_out,
    input  wire        chain,  // op_out is muladd
    input  wire [31:0] c,
    output wire [31:0] y,
    output wire [31:0] sum
);
    wire [31:0] product;
    nm_fadd add (
        .clk(clk), .a(chain ? product : a),
        .b(chain ? c : ahead ? sum : {b[31] ^ (op == `OP_SUB), b[30:0]}), .y(sum)
    );
    nm_fmul mul (.clk(clk), .a(a), .b(b), .y(product));

    // ---- Comparison: as signed magnitudes
    wire both_zero = a[30:0] == 0 && b[30:0] == 0;
    wire a_nan = a[30:0] > 31'h7f800000, b_nan = b[30:0] > 31'h7f800000;
    wire larger = b[30:0] > a[30:0], equal = b[30:0] == a[30:0];
    wire ordered = !a_nan && !b_nan && !both_zero;
    wire b_greater = ordered && (a[31] != b[31] ? a[31] : !equal && larger != a[31]);
    wire b_less = ordered && (a[31] != b[31] ? b[31] : !equal && larger == a[31]);

    reg [31:0] other1, other2, other3, other4;
    always @(posedge clk) begin
        case (op)
            `OP_MAX: other1 <= b_greater ? b : a;
            `OP_MIN: other1 <= b_less ? b : a;
            default: other1 <= a;
        endcase
        other2 <= other1;
        other3 <= other2;
        other4 <= other3;
    end

    assign y = op_out == `OP_ADD || op_out == `OP_SUB ? sum : op_out == `OP_MUL ? product : other4;
endmodule
`default_nettype wire
