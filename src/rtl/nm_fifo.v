// SPDX-License-Identifier: Apache-2.0
// A queue of 2^BITS words, valid/ready on both sides.
//
// Latency 1 clock: a word can be taken in the clock after that in which it came.  Throughput a word
// a clock on each side; a full queue takes the next word in the clock after one left.
//
// Proved (RTL_PARTS=formal): it never holds more than it can; what goes in comes out once, in order
// and unchanged; a word that is offered stays until it is taken.
`default_nettype none
module nm_fifo #(
    parameter WIDTH = 32,
    parameter BITS = 3
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             in_valid,
    output wire             in_ready,
    input  wire [WIDTH-1:0] in_data,
    output wire             out_valid,
    input  wire             out_ready,
    output wire [WIDTH-1:0] out_data
);
    reg [WIDTH-1:0] words [0:(1<<BITS)-1];
    reg [BITS:0]    head, tail;

    assign in_ready = tail - head != {1'b1, {BITS{1'b0}}};
    assign out_valid = head != tail;
    assign out_data = words[head[BITS-1:0]];

    always @(posedge clk) if (in_valid && in_ready) words[tail[BITS-1:0]] <= in_data;
    always @(posedge clk)
        if (rst) begin
            head <= 0;
            tail <= 0;
        end else begin
            if (in_valid && in_ready) tail <= tail + 1'b1;
            if (out_valid && out_ready) head <= head + 1'b1;
        end

`ifdef FORMAL
    // One word, any: the one that is written at position `at`.
    (* anyconst *) reg [BITS:0] at;
    reg              started = 0, inside = 0, offered = 0;
    reg  [WIDTH-1:0] word, shown;
    wire [BITS:0]    held = tail - head, ahead = at - head;

    always @(posedge clk) begin
        if (rst) started <= 1;
        if (rst) inside <= 0;
        else if (in_valid && in_ready && tail == at) begin
            inside <= 1;
            word   <= in_data;
        end else if (out_valid && out_ready && head == at) inside <= 0;
        offered <= !rst && out_valid && !out_ready;
        shown   <= out_data;
    end
    always @*
        if (started) begin
            assert (held <= 1 << BITS);
            if (inside) assert (ahead < held);
            if (inside) assert (words[at[BITS-1:0]] == word);
            if (inside && head == at) assert (out_valid && out_data == word);
            if (offered) assert (out_valid && out_data == shown);
        end
`endif
endmodule
`default_nettype wire
