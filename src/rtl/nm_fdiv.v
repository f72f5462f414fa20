// SPDX-License-Identifier: Apache-2.0
// IEEE binary32 division: y = a / b, rounded to nearest even, subnormals kept.
//
// Latency 18 clocks, one result a clock, no stalls.  Every NaN is 0x7fc00000.
//
//   1       leading zeros of both fractions
//   2       both normalized; exponent of the quotient
//   3 - 15  two quotient bits a stage: is the remainder, doubled, still at least b?
//   16      normalize: a quotient below 1 moves left by one; how far below the least normal number
//   17      so far it moves right
//   18      round
`default_nettype none
module nm_fdiv (
    input  wire        clk,
    input  wire [31:0] a,
    input  wire [31:0] b,
    output reg  [31:0] y
);
    localparam [31:0] NOT_A_NUMBER = 32'h7fc00000;
    localparam        STAGES = 13;  // 26 bits: 24 of the fraction, one may be zero, one to round

    // ---- 1
    wire [7:0]  a_exp, b_exp;
    wire [23:0] a_frac, b_frac;
    wire [4:0]  a_zeros, b_zeros;
    wire        a_inf, b_inf, a_nan, b_nan, a_zero, b_zero;
    nm_unpack a_parts (.x(a), .exp(a_exp), .frac(a_frac), .inf(a_inf), .nan(a_nan), .zero(a_zero));
    nm_unpack b_parts (.x(b), .exp(b_exp), .frac(b_frac), .inf(b_inf), .nan(b_nan), .zero(b_zero));
    nm_clz a_clz (.in(a_frac), .zeros(a_zeros));
    nm_clz b_clz (.in(b_frac), .zeros(b_zeros));

    reg  [23:0] a1, b1;
    reg  [4:0]  a_left1, b_left1;
    reg  [9:0]  exp1;  // signed
    // What bypasses the division, one bit a clock: sign, NaN, infinity, zero.
    reg  [16:1] sign, nan, inf, zero;

    always @(posedge clk) begin
        a1      <= a_frac;
        b1      <= b_frac;
        a_left1 <= a_zeros;
        b_left1 <= b_zeros;
        exp1    <= {2'd0, a_exp} - {2'd0, b_exp} + 10'd127;
        sign    <= {sign[15:1], a[31] ^ b[31]};
        nan     <= {nan[15:1], a_nan || b_nan || (a_inf && b_inf) || (a_zero && b_zero)};
        inf     <= {inf[15:1], a_inf || b_zero};
        zero    <= {zero[15:1], a_zero || b_inf};
    end

    // ---- 2 to 15: before stage i, rem < 2 divisor
    genvar i;
    generate
        for (i = 0; i <= STAGES; i = i + 1) begin : stage
            reg  [24:0]           rem;
            reg  [23:0]           divisor;
            reg  [9:0]            exp;
            reg  [2*STAGES-1:0]   quo;
            if (i == 0) begin : first
                always @(posedge clk) begin
                    rem <= {1'b0, a1 << a_left1};
                    divisor <= b1 << b_left1;
                    exp <= exp1 - {5'b0, a_left1} + {5'b0, b_left1};
                    quo <= 0;
                end
            end else begin : next
                wire [25:0] minus1 = {1'b0, stage[i-1].rem} - {2'b0, stage[i-1].divisor};
                wire [24:0] rem1 = minus1[25] ? stage[i-1].rem : minus1[24:0];
                wire [25:0] minus2 = {rem1, 1'b0} - {2'b0, stage[i-1].divisor};
                wire [25:0] rem2 = minus2[25] ? {rem1, 1'b0} : minus2;
                always @(posedge clk) begin
                    rem <= {rem2[23:0], 1'b0};
                    divisor <= stage[i-1].divisor;
                    exp <= stage[i-1].exp;
                    quo <= {stage[i-1].quo[2*STAGES-3:0], ~minus1[25], ~minus2[25]};
                end
                wire unused_top = &{1'b0, stage[i-1].quo[2*STAGES-1:2*STAGES-2], rem2[25:24]};
            end
        end
    endgenerate

    // ---- 16: 24 bits, guard, and one that stands for all that follow
    wire [25:0] quo = stage[STAGES].quo;
    wire        sticky = stage[STAGES].rem != 0;
    wire [9:0]  exp = stage[STAGES].exp - {9'b0, ~quo[25]};
    wire        below = $signed(exp) < 1;
    wire [9:0]  far = 10'd1 - exp;
    reg  [25:0] n16;
    reg  [7:0]  exp16;
    reg  [4:0]  right16;
    reg         below16, above16;

    always @(posedge clk) begin
        n16     <= quo[25] ? {quo[25:1], quo[0] | sticky} : {quo[24:0], sticky};
        exp16   <= exp[7:0];
        right16 <= !below ? 5'd0 : far > 10'd26 ? 5'd26 : far[4:0];
        below16 <= below;
        above16 <= !below && exp > 10'd254;
    end
    wire unused_div = &{1'b0, stage[STAGES].divisor};

    // ---- 17
    wire [25:0] moved;
    wire        lost;
    nm_shift_right #(.WIDTH(26), .BITS(5)) shift (
        .in(n16), .by(right16), .out(moved), .lost(lost)
    );
    reg  [25:0] n17;
    reg  [7:0]  exp17;
    reg         sign17, nan17, inf17, zero17;

    always @(posedge clk) begin
        n17    <= {moved[25:1], moved[0] || lost};
        exp17  <= below16 ? 8'd0 : exp16;
        sign17 <= sign[16];
        nan17  <= nan[16];
        inf17  <= inf[16] || (!zero[16] && above16);
        zero17 <= zero[16];
    end

    // ---- 18
    wire        up = n17[1] && (n17[0] || n17[2]);
    wire [30:0] rounded = {exp17, n17[24:2]} + {30'b0, up};
    wire        unused_hidden = n17[25];

    always @(posedge clk)
        y <= nan17 ? NOT_A_NUMBER
           : inf17 ? {sign17, 31'h7f800000}
           : zero17 ? {sign17, 31'b0} : {sign17, rounded};
endmodule
`default_nettype wire
