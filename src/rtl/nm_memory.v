// SPDX-License-Identifier: Apache-2.0
// A memory with a write port and a read port, for block memories: data two clocks after the
// address, the second one a register behind the memory.  Without `move` the read port stands still.
//
// WORDS is any multiple of 16: it is cut into powers of two, the largest one first, as a block
// memory of half the depth is twice as wide.  What is not there reads as 0.
//
// A word that is read in the clock in which it is written is undefined, as in most block memories;
// a synthesizer would have to add a comparison and a bypass for each.  In a simulation it is random
// (Verilator) or x (Icarus), so a design that uses it fails.
`default_nettype none
module nm_memory #(
    parameter WIDTH = 32,
    parameter WORDS = 1024,
    parameter BITS = $clog2(WORDS)
) (
    input  wire             clk,
    input  wire             write,
    input  wire [BITS-1:0]  write_address,
    input  wire [WIDTH-1:0] write_data,
    input  wire             move,
    input  wire [BITS-1:0]  read_address,
    output reg  [WIDTH-1:0] read_data
);
    genvar b;
    generate
        for (b = 4; b <= BITS; b = b + 1) begin : power
            localparam [31:0] FIRST = WORDS >> (b + 1) << 1;  // in units of 2^b
            wire [WIDTH-1:0] smaller, read;  // what those of less words read; these too
            if (b == 4) begin : none assign smaller = {WIDTH{1'b0}}; end
            else begin : some assign smaller = power[b-1].read; end
            if ((WORDS >> b) % 2 == 0) begin : not_here assign read = smaller; end
            else begin : of_two
                reg [WIDTH-1:0] words [0:(1<<b)-1];
                reg [WIDTH-1:0] word;
                reg             here;
                wire            to_here = {{32-BITS{1'b0}}, write_address} >> b == FIRST;

                always @(posedge clk) begin
                    if (write && to_here) words[write_address[b-1:0]] <= write_data;
                    if (move) begin
                        here <= {{32-BITS{1'b0}}, read_address} >> b == FIRST;
                        word <= write && write_address == read_address
                                ? {WIDTH{1'bx}} : words[read_address[b-1:0]];
                    end
                end
                assign read = here ? word : smaller;
            end
        end
    endgenerate

    always @(posedge clk) if (move) read_data <= power[BITS].read;
endmodule
`default_nettype wire
