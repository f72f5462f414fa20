// SPDX-License-Identifier: Apache-2.0
// Written by assemble.awk from program.txt: do not edit.
`default_nettype none
module nm_program (
    input  wire [8:0]  address,
    output reg  [47:0] instruction
);
    always @*
        case (address)
            // load gain0 embedding d
            9'd0  : instruction = {5'd20, 8'd32, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain0 record d
            9'd1  : instruction = {5'd20, 8'd33, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // waitv 0
            9'd2  : instruction = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd3  : instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop d embedded
            9'd4  : instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd9};
            // mul r1,x @emb gain0
            9'd5  : instruction = {5'd2, 8'd228, 8'd64, 5'd24, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd6  : instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd7  : instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // end
            9'd8  : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain0 attn_norm d
            9'd9  : instruction = {5'd20, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain1 f_gain d
            9'd10 : instruction = {5'd20, 8'd1, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load bound bounds e
            9'd11 : instruction = {5'd20, 8'd4, 8'd3, 5'd0, 4'd0, 3'd0, 3'd0, 12'd1};
            // call fold_sum
            9'd12 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @nd one
            9'd13 : instruction = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @eps one
            9'd14 : instruction = {5'd0, 8'd64, 8'd163, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd15 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // waitv 2
            9'd16 : instruction = {5'd22, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd17 : instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop d norm_done_0
            9'd18 : instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd24};
            // mul r1 x @t
            9'd19 : instruction = {5'd2, 8'd0, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,u r1 gain0
            9'd20 : instruction = {5'd2, 8'd65, 8'd64, 5'd24, 4'd1, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd21 : instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd22 : instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // end
            9'd23 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain0 i_gain d
            9'd24 : instruction = {5'd20, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_sum
            9'd25 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @nd one
            9'd26 : instruction = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @bit_eps one
            9'd27 : instruction = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd28 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // waitv 2
            9'd29 : instruction = {5'd22, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @absmax -
            9'd30 : instruction = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d absmax_done_0
            9'd31 : instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd36};
            // mul r1 u @t
            9'd32 : instruction = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,v r1 gain1
            9'd33 : instruction = {5'd2, 8'd65, 8'd65, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
            // max r0 r0 r1 abs
            9'd34 : instruction = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
            // end
            9'd35 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_max
            9'd36 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd263};
            // waitq
            9'd37 : instruction = {5'd23, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d quantized_0
            9'd38 : instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd41};
            // muladd q v @a @rounder
            9'd39 : instruction = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
            // end
            9'd40 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // div @kf @scale_f @a one
            9'd41 : instruction = {5'd3, 8'd240, 8'd169, 5'd4, 4'd0, 3'd0, 3'd2, 12'd128};
            // load gain1 g_gain d
            9'd42 : instruction = {5'd20, 8'd3, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // product f_w e d
            9'd43 : instruction = {5'd21, 8'd10, 8'd8, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // waitv 1
            9'd44 : instruction = {5'd22, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @absmax -
            9'd45 : instruction = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d absmax_done_1
            9'd46 : instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd51};
            // mul r1 u @t
            9'd47 : instruction = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,v r1 gain0
            9'd48 : instruction = {5'd2, 8'd65, 8'd64, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
            // max r0 r0 r1 abs
            9'd49 : instruction = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
            // end
            9'd50 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_max
            9'd51 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd263};
            // waitq
            9'd52 : instruction = {5'd23, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d quantized_1
            9'd53 : instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd56};
            // muladd q v @a @rounder
            9'd54 : instruction = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
            // end
            9'd55 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // div @ki @scale_i @a one
            9'd56 : instruction = {5'd3, 8'd241, 8'd169, 5'd4, 4'd0, 3'd0, 3'd3, 12'd128};
            // product i_w e d
            9'd57 : instruction = {5'd21, 8'd11, 8'd8, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop e f_done
            9'd58 : instruction = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd66};
            // sub r1 tile @rounder
            9'd59 : instruction = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1 r1 @kf
            9'd60 : instruction = {5'd2, 8'd65, 8'd170, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // call sigmoid
            9'd61 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd272};
            // sub r2 @one bound
            9'd62 : instruction = {5'd1, 8'd204, 8'd67, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // mul r2 r2 r4
            9'd63 : instruction = {5'd2, 8'd66, 8'd4, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add f r2 bound
            9'd64 : instruction = {5'd0, 8'd66, 8'd67, 5'd16, 4'd3, 3'd0, 3'd0, 12'd0};
            // end
            9'd65 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // waitv 0
            9'd66 : instruction = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @absmax -
            9'd67 : instruction = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d absmax_done_2
            9'd68 : instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd73};
            // mul r1 u @t
            9'd69 : instruction = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,v r1 gain1
            9'd70 : instruction = {5'd2, 8'd65, 8'd65, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
            // max r0 r0 r1 abs
            9'd71 : instruction = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
            // end
            9'd72 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_max
            9'd73 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd263};
            // waitq
            9'd74 : instruction = {5'd23, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d quantized_2
            9'd75 : instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd78};
            // muladd q v @a @rounder
            9'd76 : instruction = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
            // end
            9'd77 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // div @kg @scale_g @a one
            9'd78 : instruction = {5'd3, 8'd242, 8'd169, 5'd4, 4'd0, 3'd0, 3'd4, 12'd128};
            // load gain0 g_norm e
            9'd79 : instruction = {5'd20, 8'd5, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd1};
            // load gain1 o_gain e
            9'd80 : instruction = {5'd20, 8'd6, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd1};
            // product g_w e d
            9'd81 : instruction = {5'd21, 8'd12, 8'd8, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain2 down_gain n
            9'd82 : instruction = {5'd20, 8'd9, 8'd2, 5'd0, 4'd0, 3'd0, 3'd0, 12'd2};
            // loop e i_done
            9'd83 : instruction = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd94};
            // sub r1 tile @rounder
            9'd84 : instruction = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1 r1 @ki
            9'd85 : instruction = {5'd2, 8'd65, 8'd171, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // call sigmoid
            9'd86 : instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd272};
            // mul r6 r1 r4
            9'd87 : instruction = {5'd2, 8'd65, 8'd4, 5'd8, 4'd0, 3'd6, 3'd0, 12'd0};
            // add r2 f @one neg
            9'd88 : instruction = {5'd0, 8'd3, 8'd140, 5'd8, 4'd0, 3'd2, 3'd0, 12'd2048};
            // mul r6 r6 r2
            9'd89 : instruction = {5'd2, 8'd70, 8'd2, 5'd8, 4'd0, 3'd6, 3'd0, 12'd0};
            // mov r2 f -
            9'd90 : instruction = {5'd8, 8'd3, 8'd0, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // mul r2 h r2
            9'd91 : instruction = {5'd2, 8'd6, 8'd2, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add h r2 r6
            9'd92 : instruction = {5'd0, 8'd66, 8'd6, 5'd16, 4'd6, 3'd0, 3'd0, 12'd0};
            // end
            9'd93 : instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd94 : instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop e g_done
            9'd95 : instruction = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd104};
            // sub r1 tile @rounder
            9'd96 : instruction = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,g r1 @kg
            9'd97 : instruction = {5'd2, 8'd65, 8'd172, 5'd24, 4'd5, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd98 : instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd99 : instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // max r2 h @least neg
            9'd100: instruction = {5'd4, 8'd6, 8'd129, 5'd8, 4'd0, 3'd2, 3'd0, 12'd2048};
            // call sigmoid_r2
            9'd101: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd273};
            // mul i h r4
            9'd102: instruction = {5'd2, 8'd6, 8'd4, 5'd16, 4'd4, 3'd0, 3'd0, 12'd0};
            // end
            9'd103: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_sum
            9'd104: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @ne one
            9'd105: instruction = {5'd3, 8'd64, 8'd161, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @eps one
            9'd106: instruction = {5'd0, 8'd64, 8'd163, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd107: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // waitv 1
            9'd108: instruction = {5'd22, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd109: instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop e gated
            9'd110: instruction = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd117};
            // mul r1 g @t
            9'd111: instruction = {5'd2, 8'd5, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1 r1 gain0
            9'd112: instruction = {5'd2, 8'd65, 8'd64, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,g i r1
            9'd113: instruction = {5'd2, 8'd4, 8'd1, 5'd24, 4'd5, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd114: instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd115: instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // end
            9'd116: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain0 ffn_norm d
            9'd117: instruction = {5'd20, 8'd7, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_sum
            9'd118: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @ne one
            9'd119: instruction = {5'd3, 8'd64, 8'd161, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @bit_eps one
            9'd120: instruction = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd121: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // mov r0 @absmax -
            9'd122: instruction = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop e absmax_done_3
            9'd123: instruction = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd128};
            // mul r1 g @t
            9'd124: instruction = {5'd2, 8'd5, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,g r1 gain1
            9'd125: instruction = {5'd2, 8'd65, 8'd65, 5'd24, 4'd5, 3'd1, 3'd0, 12'd0};
            // max r0 r0 r1 abs
            9'd126: instruction = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
            // end
            9'd127: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_max
            9'd128: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd263};
            // waitq
            9'd129: instruction = {5'd23, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop e quantized_3
            9'd130: instruction = {5'd16, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd133};
            // muladd q g @a @rounder
            9'd131: instruction = {5'd10, 8'd5, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
            // end
            9'd132: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // div @k @scale_o @a one
            9'd133: instruction = {5'd3, 8'd243, 8'd169, 5'd4, 4'd0, 3'd0, 3'd5, 12'd128};
            // product o_w d e
            9'd134: instruction = {5'd21, 8'd13, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain1 gu_gain d
            9'd135: instruction = {5'd20, 8'd8, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd136: instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop d added_0
            9'd137: instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd144};
            // sub r1 tile @rounder
            9'd138: instruction = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1 r1 @k
            9'd139: instruction = {5'd2, 8'd65, 8'd173, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // add r1,x x r1
            9'd140: instruction = {5'd0, 8'd0, 8'd1, 5'd24, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd141: instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd142: instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // end
            9'd143: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_sum
            9'd144: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @nd one
            9'd145: instruction = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @eps one
            9'd146: instruction = {5'd0, 8'd64, 8'd163, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd147: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // waitv 1
            9'd148: instruction = {5'd22, 8'd1, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd149: instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop d norm_done_1
            9'd150: instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd156};
            // mul r1 x @t
            9'd151: instruction = {5'd2, 8'd0, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,u r1 gain0
            9'd152: instruction = {5'd2, 8'd65, 8'd64, 5'd24, 4'd1, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd153: instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd154: instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // end
            9'd155: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_sum
            9'd156: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @nd one
            9'd157: instruction = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @bit_eps one
            9'd158: instruction = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd159: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // waitv 0
            9'd160: instruction = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @absmax -
            9'd161: instruction = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d absmax_done_4
            9'd162: instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd167};
            // mul r1 u @t
            9'd163: instruction = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,v r1 gain1
            9'd164: instruction = {5'd2, 8'd65, 8'd65, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
            // max r0 r0 r1 abs
            9'd165: instruction = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
            // end
            9'd166: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_max
            9'd167: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd263};
            // waitq
            9'd168: instruction = {5'd23, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d quantized_4
            9'd169: instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd172};
            // muladd q v @a @rounder
            9'd170: instruction = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
            // end
            9'd171: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // div @k @scale_gu @a one
            9'd172: instruction = {5'd3, 8'd244, 8'd169, 5'd4, 4'd0, 3'd0, 3'd5, 12'd128};
            // product gu_w gate_up d
            9'd173: instruction = {5'd21, 8'd14, 8'd32, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop gate_up gate_done
            9'd174: instruction = {5'd16, 8'd4, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd180};
            // sub r1 tile @rounder
            9'd175: instruction = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,ab r1 @k
            9'd176: instruction = {5'd2, 8'd65, 8'd173, 5'd24, 4'd7, 3'd1, 3'd0, 12'd0};
            // call sigmoid
            9'd177: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd272};
            // mul sa r1 r4
            9'd178: instruction = {5'd2, 8'd65, 8'd4, 5'd16, 4'd9, 3'd0, 3'd0, 12'd0};
            // end
            9'd179: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop up up_done
            9'd180: instruction = {5'd16, 8'd5, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd184};
            // sub r1 tile @rounder
            9'd181: instruction = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul ab r1 @k
            9'd182: instruction = {5'd2, 8'd65, 8'd173, 5'd16, 4'd7, 3'd0, 3'd0, 12'd0};
            // end
            9'd183: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd184: instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop n glu_done
            9'd185: instruction = {5'd16, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd191};
            // mov r1 up -
            9'd186: instruction = {5'd8, 8'd8, 8'd0, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,sa sa r1
            9'd187: instruction = {5'd2, 8'd9, 8'd1, 5'd24, 4'd9, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd188: instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd189: instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // end
            9'd190: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_sum
            9'd191: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @nn one
            9'd192: instruction = {5'd3, 8'd64, 8'd162, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @bit_eps one
            9'd193: instruction = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd194: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // mov r0 @absmax -
            9'd195: instruction = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop n absmax_done_5
            9'd196: instruction = {5'd16, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd201};
            // mul r1 sa @t
            9'd197: instruction = {5'd2, 8'd9, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,sa r1 gain2
            9'd198: instruction = {5'd2, 8'd65, 8'd66, 5'd24, 4'd9, 3'd1, 3'd0, 12'd0};
            // max r0 r0 r1 abs
            9'd199: instruction = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
            // end
            9'd200: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_max
            9'd201: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd263};
            // waitq
            9'd202: instruction = {5'd23, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop n quantized_5
            9'd203: instruction = {5'd16, 8'd2, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd206};
            // muladd q sa @a @rounder
            9'd204: instruction = {5'd10, 8'd9, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
            // end
            9'd205: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // div @k @scale_down @a one
            9'd206: instruction = {5'd3, 8'd245, 8'd169, 5'd4, 4'd0, 3'd0, 3'd5, 12'd128};
            // product down_w d n
            9'd207: instruction = {5'd21, 8'd15, 8'd2, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain0 record d
            9'd208: instruction = {5'd20, 8'd33, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd209: instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop d added_1
            9'd210: instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd217};
            // sub r1 tile @rounder
            9'd211: instruction = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1 r1 @k
            9'd212: instruction = {5'd2, 8'd65, 8'd173, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // add r1,x x r1
            9'd213: instruction = {5'd0, 8'd0, 8'd1, 5'd24, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd214: instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd215: instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // end
            9'd216: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // waitv 0
            9'd217: instruction = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // layer layer
            9'd218: instruction = {5'd24, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd9};
            // load gain0 attn_norm d
            9'd219: instruction = {5'd20, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // load gain1 f_gain d
            9'd220: instruction = {5'd20, 8'd1, 8'd1, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_sum
            9'd221: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @nd one
            9'd222: instruction = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @eps one
            9'd223: instruction = {5'd0, 8'd64, 8'd163, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd224: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // waitv 0
            9'd225: instruction = {5'd22, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // mov r0 @zero - sums
            9'd226: instruction = {5'd8, 8'd208, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd256};
            // loop d norm_done_2
            9'd227: instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd233};
            // mul r1 x @t
            9'd228: instruction = {5'd2, 8'd0, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,u r1 gain0
            9'd229: instruction = {5'd2, 8'd65, 8'd64, 5'd24, 4'd1, 3'd1, 3'd0, 12'd0};
            // mul r2 r1 r1
            9'd230: instruction = {5'd2, 8'd65, 8'd1, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // add r0 r2 r0 acc
            9'd231: instruction = {5'd0, 8'd66, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd512};
            // end
            9'd232: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_sum
            9'd233: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd255};
            // div r0 r0 @nd one
            9'd234: instruction = {5'd3, 8'd64, 8'd160, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // add r0 r0 @bit_eps one
            9'd235: instruction = {5'd0, 8'd64, 8'd143, 5'd8, 4'd0, 3'd0, 3'd0, 12'd128};
            // call root
            9'd236: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd260};
            // mov r0 @absmax -
            9'd237: instruction = {5'd8, 8'd206, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d absmax_done_6
            9'd238: instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd243};
            // mul r1 u @t
            9'd239: instruction = {5'd2, 8'd1, 8'd168, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul r1,v r1 gain1
            9'd240: instruction = {5'd2, 8'd65, 8'd65, 5'd24, 4'd2, 3'd1, 3'd0, 12'd0};
            // max r0 r0 r1 abs
            9'd241: instruction = {5'd4, 8'd64, 8'd1, 5'd8, 4'd0, 3'd0, 3'd0, 12'd1024};
            // end
            9'd242: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // call fold_max
            9'd243: instruction = {5'd18, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd263};
            // waitq
            9'd244: instruction = {5'd23, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop d quantized_6
            9'd245: instruction = {5'd16, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd248};
            // muladd q v @a @rounder
            9'd246: instruction = {5'd10, 8'd2, 8'd169, 5'd2, 4'd0, 3'd0, 3'd0, 12'd0};
            // end
            9'd247: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // div @k @scale_f @a one
            9'd248: instruction = {5'd3, 8'd240, 8'd169, 5'd4, 4'd0, 3'd0, 3'd5, 12'd128};
            // product f_w vocab d
            9'd249: instruction = {5'd21, 8'd10, 8'd24, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // loop vocab logits_done
            9'd250: instruction = {5'd16, 8'd3, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd254};
            // sub r1 tile @rounder
            9'd251: instruction = {5'd1, 8'd128, 8'd128, 5'd8, 4'd0, 3'd1, 3'd0, 12'd0};
            // mul out r1 @k
            9'd252: instruction = {5'd2, 8'd65, 8'd173, 5'd1, 4'd0, 3'd0, 3'd0, 12'd0};
            // end
            9'd253: instruction = {5'd17, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // halt
            9'd254: instruction = {5'd25, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // add r0 r0 r0 fold=3
            9'd255: instruction = {5'd0, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd408};
            // add r0 r0 r0 fold=2
            9'd256: instruction = {5'd0, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd400};
            // add r0 r0 r0 fold=1
            9'd257: instruction = {5'd0, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd392};
            // add r0 r0 r0 fold=0
            9'd258: instruction = {5'd0, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd384};
            // ret
            9'd259: instruction = {5'd19, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // sqrt @t r0 - one
            9'd260: instruction = {5'd9, 8'd64, 8'd0, 5'd4, 4'd0, 3'd0, 3'd0, 12'd128};
            // div @t @one @t one
            9'd261: instruction = {5'd3, 8'd204, 8'd168, 5'd4, 4'd0, 3'd0, 3'd0, 12'd128};
            // ret
            9'd262: instruction = {5'd19, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // max r0 r0 r0 fold=6
            9'd263: instruction = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd432};
            // max r0 r0 r0 fold=5
            9'd264: instruction = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd424};
            // max r0 r0 r0 fold=4
            9'd265: instruction = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd416};
            // max r0 r0 r0 fold=3
            9'd266: instruction = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd408};
            // max r0 r0 r0 fold=2
            9'd267: instruction = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd400};
            // max r0 r0 r0 fold=1
            9'd268: instruction = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd392};
            // max r0 r0 r0 fold=0
            9'd269: instruction = {5'd4, 8'd64, 8'd0, 5'd8, 4'd0, 3'd0, 3'd0, 12'd384};
            // div @a @c127 r0 one
            9'd270: instruction = {5'd3, 8'd205, 8'd0, 5'd4, 4'd0, 3'd0, 3'd1, 12'd128};
            // ret
            9'd271: instruction = {5'd19, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            // max r2 r1 @least neg
            9'd272: instruction = {5'd4, 8'd65, 8'd129, 5'd8, 4'd0, 3'd2, 3'd0, 12'd2048};
            // min r2 r2 @most
            9'd273: instruction = {5'd5, 8'd66, 8'd130, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // muladd r3 r2 @log2e @rounder
            9'd274: instruction = {5'd10, 8'd66, 8'd131, 5'd8, 4'd0, 3'd3, 3'd0, 12'd0};
            // sub r4 r3 @rounder
            9'd275: instruction = {5'd1, 8'd67, 8'd128, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
            // mul r5 r4 @ln2high
            9'd276: instruction = {5'd2, 8'd68, 8'd132, 5'd8, 4'd0, 3'd5, 3'd0, 12'd0};
            // sub r2 r2 r5
            9'd277: instruction = {5'd1, 8'd66, 8'd5, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // mul r5 r4 @ln2low
            9'd278: instruction = {5'd2, 8'd68, 8'd133, 5'd8, 4'd0, 3'd5, 3'd0, 12'd0};
            // sub r2 r2 r5
            9'd279: instruction = {5'd1, 8'd66, 8'd5, 5'd8, 4'd0, 3'd2, 3'd0, 12'd0};
            // muladd r4 r2 @r7 @r6
            9'd280: instruction = {5'd10, 8'd66, 8'd134, 5'd8, 4'd7, 3'd4, 3'd0, 12'd0};
            // muladd r4 r4 r2 @r5
            9'd281: instruction = {5'd10, 8'd68, 8'd2, 5'd8, 4'd8, 3'd4, 3'd0, 12'd0};
            // muladd r4 r4 r2 @r4
            9'd282: instruction = {5'd10, 8'd68, 8'd2, 5'd8, 4'd9, 3'd4, 3'd0, 12'd0};
            // muladd r4 r4 r2 @r3
            9'd283: instruction = {5'd10, 8'd68, 8'd2, 5'd8, 4'd10, 3'd4, 3'd0, 12'd0};
            // muladd r4 r4 r2 @r2
            9'd284: instruction = {5'd10, 8'd68, 8'd2, 5'd8, 4'd11, 3'd4, 3'd0, 12'd0};
            // mul r5 r2 r2
            9'd285: instruction = {5'd2, 8'd66, 8'd2, 5'd8, 4'd0, 3'd5, 3'd0, 12'd0};
            // mul r4 r4 r5
            9'd286: instruction = {5'd2, 8'd68, 8'd5, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
            // add r4 r4 r2
            9'd287: instruction = {5'd0, 8'd68, 8'd2, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
            // add r4 r4 @one
            9'd288: instruction = {5'd0, 8'd68, 8'd140, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
            // mul r4 r4 pow2a(r3)
            9'd289: instruction = {5'd2, 8'd68, 8'd195, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
            // muladd r4 r4 pow2b(r3) @one
            9'd290: instruction = {5'd10, 8'd68, 8'd203, 5'd8, 4'd12, 3'd4, 3'd0, 12'd0};
            // div r4 @one r4
            9'd291: instruction = {5'd3, 8'd204, 8'd4, 5'd8, 4'd0, 3'd4, 3'd0, 12'd0};
            // ret
            9'd292: instruction = {5'd19, 8'd0, 8'd0, 5'd0, 4'd0, 3'd0, 3'd0, 12'd0};
            default: instruction = {5'd26, 43'd0};
        endcase
endmodule
`default_nettype wire
