// SPDX-License-Identifier: Apache-2.0
// The rule of the two buffers of q, for which nothing waits (nm_sequencer): a group is written to a
// buffer only if no product that needs it is queued or being computed.  For benches, which stop
// where it is broken (NM_RULES_STOP).
//
//   queued, taken  a product comes to the queue of jobs, goes to the stream engine; `idle`: that
//                  one has all data of its last job
`default_nettype none
module q_rules (
    input  wire clk,
    input  wire rst,
    input  wire queued,
    input  wire queued_buffer,
    input  wire taken,
    input  wire idle,
    input  wire write,
    input  wire write_buffer,
    output wire ok
);
    reg  [7:0] buffers;    // of the products that are queued, the first one lowest
    reg  [3:0] n_queued;
    reg        computing, computed;  // one that was taken; its buffer
    wire [3:0] kept = n_queued - {3'd0, taken};
    wire [7:0] kept_buffers = taken ? buffers >> 1 : buffers;
    wire [7:0] needed = (write_buffer ? buffers : ~buffers) & ~(8'hff << n_queued);

    assign ok = !write || (needed == 0 && !(computing && !idle && computed == write_buffer));
    always @(posedge clk) begin
        if (rst) n_queued <= 0;
        else n_queued <= kept + {3'd0, queued};
        if (queued) buffers <= (kept_buffers & ~(8'd1 << kept)) | ({7'd0, queued_buffer} << kept);
        else buffers <= kept_buffers;
        computing <= !rst && (taken || (computing && !idle));
        if (taken) computed <= buffers[0];
    end
`ifdef NM_RULES_STOP
    reg started;
    initial started = 0;
    always @(posedge clk) begin
        if (rst) started <= 1;
        if (started && !rst && !ok) begin
            $display("FAIL %m: a group of q is written to a buffer that is needed");
            $stop;
        end
    end
`endif
endmodule
`default_nettype wire
