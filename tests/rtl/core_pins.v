// SPDX-License-Identifier: Apache-2.0
// The core behind four pins, for place and route: an FPGA has fewer pins than the core has ports.
//
// A shift register feeds all inputs; all outputs are folded into another one, whose last bit
// leaves.  So nothing is constant, nothing is unused, and each port of the core has a register
// next to it, as in a system.  It adds 2 registers and a LUT a port bit, about.
`default_nettype none
module core_pins #(
    parameter LANES = 4,
    parameter M_STRIPS = 4096,
    parameter G_STRIPS = 1024,
    parameter Q_GROUPS = 512
) (
    input  wire clk,
    input  wire rst,
    input  wire in,
    output wire out
);
    localparam INPUTS = 69 + 32 * LANES;
    localparam OUTPUTS = 81 + 33 * LANES;

    reg  [INPUTS-1:0]  inputs;
    reg  [OUTPUTS-1:0] outputs;
    wire [OUTPUTS-1:0] now;
    wire [31:0]        host_address, host_data;
    wire [32*LANES-1:0] r_data;
    wire               host_write, ar_ready, r_valid, r_error, out_ready;

    assign {host_write, host_address, host_data, ar_ready, r_valid, r_error, out_ready, r_data} =
        inputs;
    assign out = outputs[OUTPUTS-1];

    always @(posedge clk) begin
        inputs  <= {inputs[INPUTS-2:0], in};
        outputs <= {outputs[OUTPUTS-2:0], 1'b0} ^ now;
    end

    nm_core #(.LANES(LANES), .M_STRIPS(M_STRIPS), .G_STRIPS(G_STRIPS), .Q_GROUPS(Q_GROUPS)) core (
        .clk(clk), .rst(rst),
        .host_write(host_write), .host_address(host_address), .host_data(host_data),
        .host_read(now[31:0]),
        .ar_valid(now[32]), .ar_ready(ar_ready), .ar_address(now[68:33]), .ar_beats(now[77:69]),
        .r_valid(r_valid), .r_ready(now[78]), .r_data(r_data), .r_error(r_error),
        .out_valid(now[79]), .out_ready(out_ready), .out_data(now[81+32*LANES-1:81]),
        .out_keep(now[81+33*LANES-1:81+32*LANES]), .running(now[80])
    );
endmodule
`default_nettype wire
