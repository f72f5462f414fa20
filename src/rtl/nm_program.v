// SPDX-License-Identifier: Apache-2.0
// Written by assemble.awk from program.txt: do not edit.
// A ROM with a register behind it: the instruction comes two clocks after its address.  Both
// stand still without `move`.
`default_nettype none
module nm_program (
    input  wire        clk,
    input  wire        move,
    input  wire [8:0]  address,
    output reg  [47:0] instruction
);
    reg [47:0] words [0:511], word;
    integer    i;
    always @(posedge clk)
        if (move) begin
            word        <= words[address];
            instruction <= word;
        end
    initial begin
        for (i = 0; i < 512; i = i + 1) words[i] = {5'd25, 43'd0};
        // load gain0 embedding d
        words[0  ] = {5'd20, 8'd32, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain0 record d
        words[1  ] = {5'd20, 8'd33, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // waitv 0
        words[2  ] = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[3  ] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop d embedded
        words[4  ] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd9};
        // mul r1,x @emb gain0
        words[5  ] = {5'd2, 8'd228, 8'd64, 5'd24, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[6  ] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[7  ] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[8  ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain0 attn_norm d
        words[9  ] = {5'd20, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain1 f_gain d
        words[10 ] = {5'd20, 8'd1, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load bound bounds e
        words[11 ] = {5'd20, 8'd4, 8'd3, 5'd0, 4'd0, 3'd0, 3'd0, 12'd1};
        // call fold_sum
        words[12 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @nd one
        words[13 ] = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @eps one
        words[14 ] = {5'd0, 8'd64, 8'd163, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[15 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // waitv 2
        words[16 ] = {5'd22, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[17 ] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop d norm_done_0
        words[18 ] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd24};
        // mul r1 x @t
        words[19 ] = {5'd2, 8'd0, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,u r1 gain0
        words[20 ] = {5'd2, 8'd65, 8'd64, 5'd24, 4'd1, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[21 ] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[22 ] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[23 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain0 i_gain d
        words[24 ] = {5'd20, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_sum
        words[25 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @nd one
        words[26 ] = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @bit_eps one
        words[27 ] = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[28 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // waitv 2
        words[29 ] = {5'd22, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @absmax -
        words[30 ] = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop d absmax_done_0
        words[31 ] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd36};
        // mul r1 u @t
        words[32 ] = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,v r1 gain1
        words[33 ] = {5'd2, 8'd65, 8'd65, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
        // max r0 r0 r1 abs
        words[34 ] = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
        // end
        words[35 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_max
        words[36 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
        // loop d quantized_0
        words[37 ] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd40};
        // muladd q v @a @rounder
        words[38 ] = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
        // end
        words[39 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // div @kf @scale_f @a one
        words[40 ] = {5'd3, 8'd240, 8'd169, 5'd4, 4'd0, 3'd0, 3'd2, 12'd128};
        // load gain1 g_gain d
        words[41 ] = {5'd20, 8'd3, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // product f_w e d
        words[42 ] = {5'd21, 8'd10, 8'd8, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // waitv 1
        words[43 ] = {5'd22, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @absmax -
        words[44 ] = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop d absmax_done_1
        words[45 ] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd50};
        // mul r1 u @t
        words[46 ] = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,v r1 gain0
        words[47 ] = {5'd2, 8'd65, 8'd64, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
        // max r0 r0 r1 abs
        words[48 ] = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
        // end
        words[49 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_max
        words[50 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
        // loop d quantized_1
        words[51 ] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd54};
        // muladd q v @a @rounder
        words[52 ] = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
        // end
        words[53 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // div @ki @scale_i @a one
        words[54 ] = {5'd3, 8'd241, 8'd169, 5'd4, 4'd0, 3'd0, 3'd3, 12'd128};
        // product i_w e d
        words[55 ] = {5'd21, 8'd11, 8'd8, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop e f_done
        words[56 ] = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd64};
        // sub r1 tile @rounder
        words[57 ] = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1 r1 @kf
        words[58 ] = {5'd2, 8'd65, 8'd170, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // call sigmoid
        words[59 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd269};
        // sub r2 @one bound
        words[60 ] = {5'd1, 8'd204, 8'd67, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // mul r2 r2 r4
        words[61 ] = {5'd2, 8'd66, 8'd4, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add f r2 bound
        words[62 ] = {5'd0, 8'd66, 8'd67, 5'd16, 4'd3, 3'd0, 3'd0, 12'd0};
        // end
        words[63 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // waitv 0
        words[64 ] = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @absmax -
        words[65 ] = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop d absmax_done_2
        words[66 ] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd71};
        // mul r1 u @t
        words[67 ] = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,v r1 gain1
        words[68 ] = {5'd2, 8'd65, 8'd65, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
        // max r0 r0 r1 abs
        words[69 ] = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
        // end
        words[70 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_max
        words[71 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
        // loop d quantized_2
        words[72 ] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd75};
        // muladd q v @a @rounder
        words[73 ] = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
        // end
        words[74 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // div @kg @scale_g @a one
        words[75 ] = {5'd3, 8'd242, 8'd169, 5'd4, 4'd0, 3'd0, 3'd4, 12'd128};
        // load gain0 g_norm e
        words[76 ] = {5'd20, 8'd5, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd1};
        // load gain1 o_gain e
        words[77 ] = {5'd20, 8'd6, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd1};
        // product g_w e d
        words[78 ] = {5'd21, 8'd12, 8'd8, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain2 down_gain n
        words[79 ] = {5'd20, 8'd9, 8'd2, 5'd0, 4'd0, 3'd0, 3'd0, 12'd2};
        // loop e i_done
        words[80 ] = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd91};
        // sub r1 tile @rounder
        words[81 ] = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1 r1 @ki
        words[82 ] = {5'd2, 8'd65, 8'd171, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // call sigmoid
        words[83 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd269};
        // mul r6 r1 r4
        words[84 ] = {5'd2, 8'd65, 8'd4, 5'd8, 4'd0, 3'd6, 3'd0, 12'd0};
        // add r2 f @one neg
        words[85 ] = {5'd0, 8'd3, 8'd140, 5'd8, 4'd0, 3'd2, 3'd0, 12'd2048};
        // mul r6 r6 r2
        words[86 ] = {5'd2, 8'd70, 8'd2, 5'd8, 4'd0, 3'd6, 3'd0, 12'd0};
        // mov r2 f -
        words[87 ] = {5'd8, 8'd3, 8'd0, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // mul r2 h r2
        words[88 ] = {5'd2, 8'd6, 8'd2, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add h r2 r6
        words[89 ] = {5'd0, 8'd66, 8'd6, 5'd16, 4'd6, 3'd0, 3'd0, 12'd0};
        // end
        words[90 ] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[91 ] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop e g_done
        words[92 ] = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd101};
        // sub r1 tile @rounder
        words[93 ] = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,g r1 @kg
        words[94 ] = {5'd2, 8'd65, 8'd172, 5'd24, 4'd5, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[95 ] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[96 ] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // max r2 h @least neg
        words[97 ] = {5'd4, 8'd6, 8'd129, 5'd8, 4'd0, 3'd2, 3'd0, 12'd2048};
        // call sigmoid_r2
        words[98 ] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd270};
        // mul i h r4
        words[99 ] = {5'd2, 8'd6, 8'd4, 5'd16, 4'd4, 3'd0, 3'd0, 12'd0};
        // end
        words[100] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_sum
        words[101] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @ne one
        words[102] = {5'd3, 8'd64, 8'd161, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @eps one
        words[103] = {5'd0, 8'd64, 8'd163, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[104] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // waitv 1
        words[105] = {5'd22, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[106] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop e gated
        words[107] = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd114};
        // mul r1 g @t
        words[108] = {5'd2, 8'd5, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1 r1 gain0
        words[109] = {5'd2, 8'd65, 8'd64, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,g i r1
        words[110] = {5'd2, 8'd4, 8'd1, 5'd24, 4'd5, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[111] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[112] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[113] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain0 ffn_norm d
        words[114] = {5'd20, 8'd7, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_sum
        words[115] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @ne one
        words[116] = {5'd3, 8'd64, 8'd161, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @bit_eps one
        words[117] = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[118] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // mov r0 @absmax -
        words[119] = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop e absmax_done_3
        words[120] = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd125};
        // mul r1 g @t
        words[121] = {5'd2, 8'd5, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,g r1 gain1
        words[122] = {5'd2, 8'd65, 8'd65, 5'd24, 4'd5, 3'd1, 3'd0, 12'd0};
        // max r0 r0 r1 abs
        words[123] = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
        // end
        words[124] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_max
        words[125] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
        // loop e quantized_3
        words[126] = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd129};
        // muladd q g @a @rounder
        words[127] = {5'd10, 8'd5, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
        // end
        words[128] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // div @k @scale_o @a one
        words[129] = {5'd3, 8'd243, 8'd169, 5'd4, 4'd0, 3'd0, 3'd5, 12'd128};
        // product o_w d e
        words[130] = {5'd21, 8'd13, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain1 gu_gain d
        words[131] = {5'd20, 8'd8, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[132] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop d added_0
        words[133] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd140};
        // sub r1 tile @rounder
        words[134] = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1 r1 @k
        words[135] = {5'd2, 8'd65, 8'd173, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // add r1,x x r1
        words[136] = {5'd0, 8'd0, 8'd1, 5'd24, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[137] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[138] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[139] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_sum
        words[140] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @nd one
        words[141] = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @eps one
        words[142] = {5'd0, 8'd64, 8'd163, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[143] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // waitv 1
        words[144] = {5'd22, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[145] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop d norm_done_1
        words[146] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd152};
        // mul r1 x @t
        words[147] = {5'd2, 8'd0, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,u r1 gain0
        words[148] = {5'd2, 8'd65, 8'd64, 5'd24, 4'd1, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[149] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[150] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[151] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_sum
        words[152] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @nd one
        words[153] = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @bit_eps one
        words[154] = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[155] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // waitv 0
        words[156] = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @absmax -
        words[157] = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop d absmax_done_4
        words[158] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd163};
        // mul r1 u @t
        words[159] = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,v r1 gain1
        words[160] = {5'd2, 8'd65, 8'd65, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
        // max r0 r0 r1 abs
        words[161] = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
        // end
        words[162] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_max
        words[163] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
        // loop d quantized_4
        words[164] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd167};
        // muladd q v @a @rounder
        words[165] = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
        // end
        words[166] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // div @k @scale_gu @a one
        words[167] = {5'd3, 8'd244, 8'd169, 5'd4, 4'd0, 3'd0, 3'd5, 12'd128};
        // product gu_w gate_up d
        words[168] = {5'd21, 8'd14, 8'd32, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop gate_up gate_done
        words[169] = {5'd16, 8'd4, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd175};
        // sub r1 tile @rounder
        words[170] = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,ab r1 @k
        words[171] = {5'd2, 8'd65, 8'd173, 5'd24, 4'd8, 3'd1, 3'd0, 12'd0};
        // call sigmoid
        words[172] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd269};
        // mul sa r1 r4
        words[173] = {5'd2, 8'd65, 8'd4, 5'd16, 4'd7, 3'd0, 3'd0, 12'd0};
        // end
        words[174] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[175] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop up up_done
        words[176] = {5'd16, 8'd5, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd184};
        // sub r1 tile @rounder
        words[177] = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul second r1 @k
        words[178] = {5'd2, 8'd65, 8'd173, 5'd16, 4'd10, 3'd0, 3'd0, 12'd0};
        // mov r1 up -
        words[179] = {5'd8, 8'd9, 8'd0, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,sa sa r1
        words[180] = {5'd2, 8'd7, 8'd1, 5'd24, 4'd7, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[181] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[182] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[183] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop last last_done
        words[184] = {5'd16, 8'd6, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd190};
        // mov r1 up -
        words[185] = {5'd8, 8'd9, 8'd0, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,sa sa r1
        words[186] = {5'd2, 8'd7, 8'd1, 5'd24, 4'd7, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[187] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[188] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[189] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_sum
        words[190] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @nn one
        words[191] = {5'd3, 8'd64, 8'd162, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @bit_eps one
        words[192] = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[193] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // mov r0 @absmax -
        words[194] = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop n absmax_done_5
        words[195] = {5'd16, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd200};
        // mul r1 sa @t
        words[196] = {5'd2, 8'd7, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,sa r1 gain2
        words[197] = {5'd2, 8'd65, 8'd66, 5'd24, 4'd7, 3'd1, 3'd0, 12'd0};
        // max r0 r0 r1 abs
        words[198] = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
        // end
        words[199] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_max
        words[200] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
        // loop n quantized_5
        words[201] = {5'd16, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd204};
        // muladd q sa @a @rounder
        words[202] = {5'd10, 8'd7, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
        // end
        words[203] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // div @k @scale_down @a one
        words[204] = {5'd3, 8'd245, 8'd169, 5'd4, 4'd0, 3'd0, 3'd5, 12'd128};
        // product down_w d n
        words[205] = {5'd21, 8'd15, 8'd2, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain0 record d
        words[206] = {5'd20, 8'd33, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[207] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop d added_1
        words[208] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd215};
        // sub r1 tile @rounder
        words[209] = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1 r1 @k
        words[210] = {5'd2, 8'd65, 8'd173, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // add r1,x x r1
        words[211] = {5'd0, 8'd0, 8'd1, 5'd24, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[212] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[213] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[214] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // waitv 0
        words[215] = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // layer layer
        words[216] = {5'd23, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd9};
        // load gain0 attn_norm d
        words[217] = {5'd20, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // load gain1 f_gain d
        words[218] = {5'd20, 8'd1, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_sum
        words[219] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @nd one
        words[220] = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @eps one
        words[221] = {5'd0, 8'd64, 8'd163, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[222] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // waitv 0
        words[223] = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // mov r0 @zero - sums
        words[224] = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
        // loop d norm_done_2
        words[225] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd231};
        // mul r1 x @t
        words[226] = {5'd2, 8'd0, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,u r1 gain0
        words[227] = {5'd2, 8'd65, 8'd64, 5'd24, 4'd1, 3'd1, 3'd0, 12'd0};
        // mul r2 r1 r1
        words[228] = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // add r0 r2 r0 acc
        words[229] = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
        // end
        words[230] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_sum
        words[231] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd252};
        // div r0 r0 @nd one
        words[232] = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // add r0 r0 @bit_eps one
        words[233] = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
        // call root
        words[234] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd257};
        // mov r0 @absmax -
        words[235] = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop d absmax_done_6
        words[236] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd241};
        // mul r1 u @t
        words[237] = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul r1,v r1 gain1
        words[238] = {5'd2, 8'd65, 8'd65, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
        // max r0 r0 r1 abs
        words[239] = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
        // end
        words[240] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // call fold_max
        words[241] = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
        // loop d quantized_6
        words[242] = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd245};
        // muladd q v @a @rounder
        words[243] = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
        // end
        words[244] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // div @k @scale_f @a one
        words[245] = {5'd3, 8'd240, 8'd169, 5'd4, 4'd0, 3'd0, 3'd5, 12'd128};
        // product f_w vocab d
        words[246] = {5'd21, 8'd10, 8'd24, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // loop vocab logits_done
        words[247] = {5'd16, 8'd3, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd251};
        // sub r1 tile @rounder
        words[248] = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
        // mul out r1 @k
        words[249] = {5'd2, 8'd65, 8'd173, 5'd1, 4'd0, 3'd0, 3'd0, 12'd0};
        // end
        words[250] = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // halt
        words[251] = {5'd24, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // add r0 r0 r0 fold=3
        words[252] = {5'd0, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd408};
        // add r0 r0 r0 fold=2
        words[253] = {5'd0, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd400};
        // add r0 r0 r0 fold=1
        words[254] = {5'd0, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd392};
        // add r0 r0 r0 fold=0
        words[255] = {5'd0, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd384};
        // ret
        words[256] = {5'd19, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // sqrt @t r0 - one
        words[257] = {5'd9, 8'd64, 8'd0, 5'd4, 4'd0, 3'd0, 3'd0, 12'd128};
        // div @t @one @t one
        words[258] = {5'd3, 8'd204, 8'd168, 5'd4, 4'd0, 3'd0, 3'd0, 12'd128};
        // ret
        words[259] = {5'd19, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // max r0 r0 r0 fold=6
        words[260] = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd432};
        // max r0 r0 r0 fold=5
        words[261] = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd424};
        // max r0 r0 r0 fold=4
        words[262] = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd416};
        // max r0 r0 r0 fold=3
        words[263] = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd408};
        // max r0 r0 r0 fold=2
        words[264] = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd400};
        // max r0 r0 r0 fold=1
        words[265] = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd392};
        // max r0 r0 r0 fold=0
        words[266] = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd384};
        // div @a @c127 r0 one
        words[267] = {5'd3, 8'd205, 8'd0, 5'd4, 4'd0, 3'd0, 3'd1, 12'd128};
        // ret
        words[268] = {5'd19, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
        // max r2 r1 @least neg
        words[269] = {5'd4, 8'd65, 8'd129, 5'd8, 4'd0, 3'd2, 3'd0, 12'd2048};
        // min r2 r2 @most
        words[270] = {5'd5, 8'd66, 8'd130, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // muladd r3 r2 @log2e @rounder
        words[271] = {5'd10, 8'd66, 8'd131, 5'd8, 4'd0, 3'd3, 3'd0, 12'd0};
        // sub r4 r3 @rounder
        words[272] = {5'd1, 8'd67, 8'd128, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
        // mul r5 r4 @ln2high
        words[273] = {5'd2, 8'd68, 8'd132, 5'd8, 4'd0, 3'd5, 3'd0, 12'd0};
        // sub r2 r2 r5
        words[274] = {5'd1, 8'd66, 8'd5, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // mul r5 r4 @ln2low
        words[275] = {5'd2, 8'd68, 8'd133, 5'd8, 4'd0, 3'd5, 3'd0, 12'd0};
        // sub r2 r2 r5
        words[276] = {5'd1, 8'd66, 8'd5, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
        // muladd r4 r2 @r7 @r6
        words[277] = {5'd10, 8'd66, 8'd134, 5'd8, 4'd7, 3'd4, 3'd0, 12'd0};
        // muladd r4 r4 r2 @r5
        words[278] = {5'd10, 8'd68, 8'd2, 5'd8, 4'd8, 3'd4, 3'd0, 12'd0};
        // muladd r4 r4 r2 @r4
        words[279] = {5'd10, 8'd68, 8'd2, 5'd8, 4'd9, 3'd4, 3'd0, 12'd0};
        // muladd r4 r4 r2 @r3
        words[280] = {5'd10, 8'd68, 8'd2, 5'd8, 4'd10, 3'd4, 3'd0, 12'd0};
        // muladd r4 r4 r2 @r2
        words[281] = {5'd10, 8'd68, 8'd2, 5'd8, 4'd11, 3'd4, 3'd0, 12'd0};
        // mul r5 r2 r2
        words[282] = {5'd2, 8'd66, 8'd2, 5'd8, 4'd0, 3'd5, 3'd0, 12'd0};
        // mul r4 r4 r5
        words[283] = {5'd2, 8'd68, 8'd5, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
        // add r4 r4 r2
        words[284] = {5'd0, 8'd68, 8'd2, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
        // add r4 r4 @one
        words[285] = {5'd0, 8'd68, 8'd140, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
        // mul r4 r4 pow2a(r3)
        words[286] = {5'd2, 8'd68, 8'd195, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
        // muladd r4 r4 pow2b(r3) @one
        words[287] = {5'd10, 8'd68, 8'd203, 5'd8, 4'd12, 3'd4, 3'd0, 12'd0};
        // div r4 @one r4
        words[288] = {5'd3, 8'd204, 8'd4, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
        // ret
        words[289] = {5'd19, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
    end
endmodule
`default_nettype wire
