// SPDX-License-Identifier: Apache-2.0
// The four arithmetic units side by side, and three lanes, for float_sim.cpp: one does any
// operation, one muladd, one sums in order.
//
// 32 units of the square root take turns, so that a root begins every clock, as the others' results
// do; `done`, and no other unit is, and `root` are those of the unit that began 28 clocks ago.
`include "nm_isa.vh"
`default_nettype none
module float_units (
    input  wire        clk,
    input  wire        rst,
    input  wire [31:0] a,
    input  wire [31:0] b,
    input  wire        start,
    input  wire [31:0] square,
    output wire [31:0] sum,
    output wire [31:0] product,
    output wire [31:0] quotient,
    output wire [31:0] root,
    output wire        done,
    input  wire [4:0]  op,
    output wire [31:0] result, // 4 clocks later
    input  wire [31:0] c,      // 4 clocks after a and b
    output wire [31:0] chained, // a b + c, 4 clocks after c
    input  wire        ahead,
    output wire [31:0] running  // a + b or, if ahead, a + the sum of 4 clocks before
);
    wire larger;
    wire unused = larger;
    nm_fadd add (
        .clk(clk), .a(a), .b(b), .select(1'b0), .pick(1'b0), .larger(larger), .y(sum)
    );
    nm_fmul mul (.clk(clk), .a(a), .b(b), .y(product));
    nm_fdiv div (.clk(clk), .a(a), .b(b), .y(quotient));
    reg  [4:0]  turn;
    wire [4:0]  ready = turn + 5'd4;  // 28 before, of 32
    wire [31:0] dones;
    wire [1023:0] roots;
    always @(posedge clk) turn <= rst ? 5'd0 : turn + 5'd1;
    assign done = dones == 32'd1 << ready;
    assign root = roots[32*ready+:32];
    genvar u;
    generate
        for (u = 0; u < 32; u = u + 1) begin : unit
            localparam [4:0] NUMBER = u;
            nm_fsqrt sqrt (
                .clk(clk), .rst(rst), .start(start && turn == NUMBER), .a(square),
                .done(dones[u]), .y(roots[32*u+:32])
            );
        end
    endgenerate
    reg [19:0] ops;
    always @(posedge clk) ops <= {ops[14:0], op};
    nm_lane any (
        .clk(clk), .op(op), .ahead(1'b0), .a(a), .b(b), .op_out(ops[19:15]), .chain(1'b0),
        .c(32'd0), .y(result)
    );
    nm_lane muladd (
        .clk(clk), .op(`OP_MULADD), .ahead(1'b0), .a(a), .b(b), .op_out(`OP_ADD), .chain(1'b1),
        .c(c), .y(chained)
    );
    nm_lane in_order (
        .clk(clk), .op(`OP_ADD), .ahead(ahead), .a(a), .b(b), .op_out(`OP_ADD), .chain(1'b0),
        .c(32'd0), .y(running)
    );
endmodule
`default_nettype wire
