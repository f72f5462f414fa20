// SPDX-License-Identifier: Apache-2.0
// A memory with a write port and a read port, for block memories: data two clocks after the
// address, the second one a register behind the memory.  Without `move` the read port stands still.
//
// A word that is read in the clock in which it is written is undefined, as in most block memories;
// a synthesizer would have to add a comparison and a bypass for each.  In a simulation it is random
// (Verilator) or x (Icarus), so a design that uses it fails.
`default_nettype none
module nm_memory #(
    parameter WIDTH = 32,
    parameter BITS = 10
) (
    input  wire             clk,
    input  wire             write,
    input  wire [BITS-1:0]  write_address,
    input  wire [WIDTH-1:0] write_data,
    input  wire             move,
    input  wire [BITS-1:0]  read_address,
    output reg  [WIDTH-1:0] read_data
);
    reg [WIDTH-1:0] words [0:(1<<BITS)-1];
    reg [WIDTH-1:0] word;

    always @(posedge clk) begin
        if (write) words[write_address] <= write_data;
        if (move) begin
            word      <= write && write_address == read_address ? {WIDTH{1'bx}}
                                                                : words[read_address];
            read_data <= word;
        end
    end
endmodule
`default_nettype wire
