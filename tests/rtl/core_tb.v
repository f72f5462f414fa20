// SPDX-License-Identifier: Apache-2.0
// The core under Icarus, where a register that was not set is x and spreads: whole tokens, each
// logit compared with the file that core_sim -d wrote.
//
//   vvp core_tb +prefix=PREFIX +beats= +registers= +tokens= +vocab= +state= +state_words=
`default_nettype none
`timescale 1ns / 1ps
module core_tb;
    parameter LANES = 4, M_STRIPS = 1008, G_STRIPS = 256, Q_GROUPS = 256;
    parameter MAX_BEATS = 1 << 16, MAX_LOGITS = 1 << 14, LIMIT = 1000000;

    reg                 clk = 0, rst = 1, host_write = 0, r_valid = 0;
    reg  [31:0]         host_address = 0, host_data = 0;
    reg  [32*LANES-1:0] r_data = 0;
    wire                ar_valid, r_ready, out_valid, running;
    wire [31:0]         host_read;
    wire [35:0]         ar_address;
    wire [8:0]          ar_beats;
    wire [32*LANES-1:0] out_data;
    wire [LANES-1:0]    out_keep;

    // ---- Memory: a request at a time
    reg [32*LANES-1:0] image [0:MAX_BEATS-1];
    reg [35:0]         at = 0;
    reg [8:0]          left = 0;

    nm_core #(.LANES(LANES), .M_STRIPS(M_STRIPS), .G_STRIPS(G_STRIPS), .Q_GROUPS(Q_GROUPS)) core (
        .clk(clk), .rst(rst), .host_write(host_write), .host_address(host_address),
        .host_data(host_data), .host_read(host_read),
        .ar_valid(ar_valid), .ar_ready(left == 0), .ar_address(ar_address), .ar_beats(ar_beats),
        .r_valid(r_valid), .r_ready(r_ready), .r_data(r_data), .r_error(1'b0),
        .out_valid(out_valid), .out_ready(1'b1), .out_data(out_data), .out_keep(out_keep),
        .running(running)
    );
    always #5 clk = !clk;

    always @(posedge clk)
        if (rst) begin
            left    <= 0;
            r_valid <= 0;
        end else begin
            if (left == 0 && ar_valid) begin
                left <= ar_beats;
                at   <= ar_address / (4 * LANES);
            end
            if (!r_valid || r_ready) begin
                r_valid <= left != 0;
                if (left != 0) begin
                    r_data <= image[at];
                    at     <= at + 1;
                    left   <= left - 1;
                end
            end
        end

    // ---- Logits
    reg [31:0] expected [0:MAX_LOGITS-1];
    integer    n_logits = 0, n_wrong = 0, l;
    always @(posedge clk)
        if (out_valid && !rst)
            for (l = 0; l < LANES; l = l + 1)
                if (out_keep[l]) begin
                    if (out_data[32*l+:32] !== expected[n_logits]) begin
                        n_wrong = n_wrong + 1;
                        if (n_wrong <= 10)
                            $display("FAIL logit %0d: %h, expected %h", n_logits,
                                     out_data[32*l+:32], expected[n_logits]);
                    end
                    n_logits = n_logits + 1;
                end

    // ---- Host
    task put(input [31:0] address, input [31:0] data);
        begin
            host_write   <= 1;
            host_address <= address;
            host_data    <= data;
            @(posedge clk);
            host_write <= 0;
        end
    endtask

    reg [1023:0] prefix, path;
    reg [31:0]   registers [0:63], ids [0:63];
    integer      clocks, beats, n_registers, tokens, vocab, state, state_words, i;
    initial begin
        if (!$value$plusargs("prefix=%s", prefix) || !$value$plusargs("beats=%d", beats) ||
            !$value$plusargs("registers=%d", n_registers) ||
            !$value$plusargs("tokens=%d", tokens) || !$value$plusargs("vocab=%d", vocab) ||
            !$value$plusargs("state=%d", state) ||
            !$value$plusargs("state_words=%d", state_words)) begin
            $display("FAIL: an argument is missing");
            $finish;
        end
        $sformat(path, "%0s.image", prefix);
        $readmemh(path, image, 0, beats - 1);
        $sformat(path, "%0s.registers", prefix);
        $readmemh(path, registers, 0, n_registers - 1);
        $sformat(path, "%0s.ids", prefix);
        $readmemh(path, ids, 0, tokens - 1);
        $sformat(path, "%0s.logits", prefix);
        $readmemh(path, expected, 0, tokens * vocab - 1);
        repeat (4) @(posedge clk);
        rst <= 0;
        repeat (4) @(posedge clk);
        for (i = 2; i < n_registers; i = i + 1) put(i, registers[i]);
        for (i = 0; i < state_words; i = i + 1) put(32'h80000000 + state + i, 0);
        for (i = 0; i < tokens; i = i + 1) begin
            put(1, ids[i]);
            put(0, 1);
            @(posedge clk);
            @(posedge clk);
            for (clocks = 0; running !== 0 && clocks < LIMIT; clocks = clocks + 1) @(posedge clk);
        end
        if (n_logits != tokens * vocab) n_wrong = n_wrong + 1;
        $display("%0d logits of %0d: %0d wrong", n_logits, tokens * vocab, n_wrong);
        $finish;
    end
endmodule
`default_nettype wire
