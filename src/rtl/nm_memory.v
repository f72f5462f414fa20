// SPDX-License-Identifier: Apache-2.0
// A memory with a write port and a read port, for block memories: data two clocks after the
// address, the second one a register behind the memory.  Without `move` the read port stands still.
//
// WORDS is any multiple of 16: it is cut into powers of two, the largest one first, as a block
// memory of half the depth is twice as wide.  What is not there reads as any word.
//
// A word that is read in the clock in which it is written is undefined, as in most block memories;
// a synthesizer would have to add a comparison and a bypass for each.  In a simulation it is random
// (Verilator) or x (Icarus), so a design that uses it fails.
//
// Proved (RTL_PARTS=formal): a word that was written is what is read from its address, whatever
// else was written since.
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
            localparam        IS_LAST = WORDS % (1 << b) == 0;
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
                        here <= IS_LAST || {{32-BITS{1'b0}}, read_address} >> b == FIRST;
                        word <= write && write_address == read_address
                                ? {WIDTH{1'bx}} : words[read_address[b-1:0]];
                    end
                end
                assign read = here ? word : smaller;
    `ifdef FORMAL
                always @*
                    if (at < WORDS) begin
                        if (known && at >> b == FIRST) assert (words[at[b-1:0]] == last);
                        if (hits) assert (here == (IS_LAST || at >> b == FIRST));
                        if (hits && at >> b == FIRST) assert (word == shown);
                    end
    `endif
            end
        end
    endgenerate

    always @(posedge clk) if (move) read_data <= power[BITS].read;

`ifdef FORMAL
    // One address, any; what was written there last, and what a read of it is to show.
    (* anyconst *) reg [BITS-1:0] at;
    reg             known = 0, hits = 0, hit = 0;
    reg [WIDTH-1:0] last, shown, expected;
    wire            writes = write && write_address == at;
    always @(posedge clk) begin
        if (writes) last <= write_data;
        if (writes) known <= 1;
        if (move) begin
            hits     <= known && !writes && read_address == at;
            shown    <= last;
            hit      <= hits;
            expected <= shown;
        end
    end
    always @* begin
        if (hit && at < WORDS) assert (read_data == expected);
        cover (hit && at >= WORDS / 2);
    end
`endif
endmodule
`default_nettype wire
