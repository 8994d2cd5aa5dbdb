// SPDX-License-Identifier: Apache-2.0

// Written by scripts/make-decoder-goldens.py with transformers 5.24.0.

extension DecoderGolden {
  package static let all: [DecoderGolden] = [
    DecoderGolden(
      name: "llama",
      configuration: #"""
        {"attention_bias": false, "head_dim": 4, "hidden_act": "silu", "hidden_size": 16, "intermediate_size":
        24, "max_position_embeddings": 4096, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 4,
        "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters":
        {"rope_theta": 500000.0, "rope_type": "default"}, "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [16, 16], "layers.0.self_attn.k_proj.weight": [8, 16],
        "layers.0.self_attn.v_proj.weight": [8, 16], "layers.0.self_attn.o_proj.weight": [16, 16],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -0.25785753, -1.3081614, -0.1804388, 0.068971857, -0.061909724, 0.19963379, 1.4251618, -0.84563589,
        -1.2766066, 0.017392987, -1.6967162, 0.16887507, -1.2889225, 0.35697597, -0.42787409, -0.46768352,
      ],
      gradientByRow1: [
        -0.14395081, -0.32923007, 0.079305947, 0.14993691, -0.25616074, -0.15715966, 0.49147275, 0.081597418,
      ],
      gradientByRow10: [
        0.17426796, 0.39947614, 0.21802577, -0.06861721, -0.011255169, -0.13679548, 0.1543256, -0.069169462,
      ]),
    DecoderGolden(
      name: "llama linear",
      configuration: #"""
        {"attention_bias": false, "head_dim": 4, "hidden_act": "silu", "hidden_size": 16, "intermediate_size":
        24, "max_position_embeddings": 4096, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 4,
        "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"factor":
        2.0, "rope_theta": 10000.0, "rope_type": "linear"}, "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [16, 16], "layers.0.self_attn.k_proj.weight": [8, 16],
        "layers.0.self_attn.v_proj.weight": [8, 16], "layers.0.self_attn.o_proj.weight": [16, 16],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        0.018166896, -0.55116433, 0.09216699, 0.68556583, -0.41322967, 0.21454716, 1.2642951, -0.8382619,
        -1.29644, -0.1428453, -2.2143123, 0.22334544, -0.93651426, 0.21074104, -0.33561638, -0.61603606,
      ],
      gradientByRow1: [
        1.6767238, 0.74685931, 0.61527961, 0.59382015, -1.0710994, -0.68494666, -0.35682991, 0.084886938,
      ],
      gradientByRow10: [
        0.93214285, 0.35491046, -0.50622153, -0.26796225, 0.42246866, -0.42005715, -0.075759552, 0.11978691,
      ]),
    DecoderGolden(
      name: "llama dynamic",
      configuration: #"""
        {"attention_bias": false, "head_dim": 4, "hidden_act": "silu", "hidden_size": 16, "intermediate_size":
        24, "max_position_embeddings": 4096, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 4,
        "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"factor":
        2.0, "rope_theta": 10000.0, "rope_type": "dynamic"}, "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [16, 16], "layers.0.self_attn.k_proj.weight": [8, 16],
        "layers.0.self_attn.v_proj.weight": [8, 16], "layers.0.self_attn.o_proj.weight": [16, 16],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -0.25076088, -1.3045621, -0.19529678, 0.077804938, -0.07663887, 0.18715249, 1.420863, -0.8582536,
        -1.2859584, 0.018257851, -1.6756932, 0.16714962, -1.3093957, 0.36768878, -0.42766076, -0.47080284,
      ],
      gradientByRow1: [
        -0.20609404, -0.39180139, 0.074613512, 0.13696206, -0.29838163, -0.10292725, 0.50307363, 0.096459672,
      ],
      gradientByRow10: [
        0.18167473, 0.39502195, 0.16760157, -0.047921117, -0.023492688, -0.073564388, 0.1666856, -0.068723083,
      ]),
    DecoderGolden(
      name: "llama llama3",
      configuration: #"""
        {"attention_bias": true, "head_dim": 16, "hidden_act": "silu", "hidden_size": 16, "intermediate_size":
        24, "max_position_embeddings": 4096, "mlp_bias": true, "model_type": "llama", "num_attention_heads": 4,
        "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"factor":
        8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0, "original_max_position_embeddings": 32,
        "rope_theta": 10000.0, "rope_type": "llama3"}, "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [64, 16], "layers.0.self_attn.q_proj.bias": [64],
        "layers.0.self_attn.k_proj.weight": [32, 16], "layers.0.self_attn.k_proj.bias": [32],
        "layers.0.self_attn.v_proj.weight": [32, 16], "layers.0.self_attn.v_proj.bias": [32],
        "layers.0.self_attn.o_proj.weight": [16, 64], "layers.0.self_attn.o_proj.bias": [16],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.gate_proj.bias": [24],
        "layers.0.mlp.up_proj.weight": [24, 16], "layers.0.mlp.up_proj.bias": [24],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.mlp.down_proj.bias": [16],
        "layers.0.input_layernorm.weight": [16], "layers.0.post_attention_layernorm.weight": [16],
        "norm.weight": [16]}
        """#,
      hidden: [
        -0.89181769, 0.4320133, 0.2663177, 0.92462546, -0.54255027, 0.85559559, -0.010254658, 0.08680483,
        0.6960867, 1.0086054, -0.038720559, 0.27421105, -1.3532254, 1.1283489, 0.73124963, -2.0208354,
      ],
      gradientByRow1: [
        0.84117502, -0.96470934, -0.26787221, 0.065046296, -0.53176546, 0.67700237, 0.78721648, -0.091857933,
      ],
      gradientByRow10: [
        0.13076499, 0.49370363, 0.44762176, -0.87606168, -0.30668598, -0.085751384, 0.46275908, -0.41036323,
      ]),
    DecoderGolden(
      name: "llama yarn",
      configuration: #"""
        {"attention_bias": false, "head_dim": 16, "hidden_act": "silu", "hidden_size": 16, "intermediate_size":
        24, "max_position_embeddings": 4096, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 4,
        "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"factor":
        4.0, "original_max_position_embeddings": 64, "rope_theta": 10000.0, "rope_type": "yarn"},
        "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [64, 16], "layers.0.self_attn.k_proj.weight": [32, 16],
        "layers.0.self_attn.v_proj.weight": [32, 16], "layers.0.self_attn.o_proj.weight": [16, 64],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -0.46144539, 0.70492852, 0.15802062, 0.40359631, -0.10856597, 0.76641548, -0.61208326, -0.35679701,
        2.2352459, 0.87384164, 0.064813741, 0.025265869, -1.1383806, 1.536397, 0.048709121, -1.4477537,
      ],
      gradientByRow1: [
        1.2047862, -2.0292134, -0.26087579, -0.58068246, -1.4137397, 0.18964466, 0.6280036, -0.34614971,
      ],
      gradientByRow10: [
        0.31231993, 0.26165551, 0.12713099, -1.9232857, -0.4022235, -0.27441379, 0.96722203, 0.21989013,
      ]),
    DecoderGolden(
      name: "llama yarn, not truncated",
      configuration: #"""
        {"attention_bias": false, "head_dim": 16, "hidden_act": "silu", "hidden_size": 16, "intermediate_size":
        24, "max_position_embeddings": 4096, "mlp_bias": false, "model_type": "llama", "num_attention_heads": 4,
        "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters":
        {"beta_fast": 16.0, "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 0.5,
        "original_max_position_embeddings": 64, "rope_theta": 10000.0, "rope_type": "yarn", "truncate": false},
        "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [64, 16], "layers.0.self_attn.k_proj.weight": [32, 16],
        "layers.0.self_attn.v_proj.weight": [32, 16], "layers.0.self_attn.o_proj.weight": [16, 64],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -0.5908531, 0.74047524, 0.36332819, 0.39585102, 0.004048415, 0.74466383, -0.4327814, -0.44434962,
        2.2969015, 0.92686373, 0.019397534, 0.040384009, -1.1489745, 1.4256449, 0.17233866, -1.4306359,
      ],
      gradientByRow1: [
        0.87704152, -1.3184777, -0.14675079, -0.6790747, -1.0550145, 0.16376109, 0.96201742, -0.34062061,
      ],
      gradientByRow10: [
        0.21510598, 0.28449818, 0.12572581, -1.510368, -0.24000891, -0.21393567, 0.60951507, 0.031181678,
      ]),
    DecoderGolden(
      name: "mistral",
      configuration: #"""
        {"head_dim": 12, "hidden_act": "silu", "hidden_size": 16, "intermediate_size": 24,
        "max_position_embeddings": 4096, "model_type": "mistral", "num_attention_heads": 4, "num_hidden_layers":
        4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"rope_theta": 10000.0,
        "rope_type": "default"}, "sliding_window": 5, "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [48, 16], "layers.0.self_attn.k_proj.weight": [24, 16],
        "layers.0.self_attn.v_proj.weight": [24, 16], "layers.0.self_attn.o_proj.weight": [16, 48],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -0.78869414, -1.1160493, 0.8284238, 0.85664672, 0.42433861, 0.84365553, -1.1126977, -0.18777373,
        -1.2530057, 0.090097487, -0.90434897, -0.20553569, -0.046970632, 0.21099706, -1.8556832, -1.4285501,
      ],
      gradientByRow1: [
        -0.057724826, 0.05243437, 0.31812733, -0.079864606, 0.11940058, -0.076773144, 0.13728616, 0.18243012,
      ],
      gradientByRow10: [
        0.028026454, -0.21685532, 0.23719271, 0.39561358, 0.096052647, -0.29516459, -0.67038226, 0.027469572,
      ]),
    DecoderGolden(
      name: "qwen2",
      configuration: #"""
        {"hidden_act": "silu", "hidden_size": 16, "intermediate_size": 24, "layer_types": ["full_attention",
        "full_attention", "sliding_attention", "sliding_attention"], "max_position_embeddings": 4096,
        "max_window_layers": 2, "model_type": "qwen2", "num_attention_heads": 4, "num_hidden_layers": 4,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"rope_theta": 10000.0, "rope_type":
        "default"}, "sliding_window": 5, "tie_word_embeddings": false, "use_sliding_window": true, "vocab_size":
        8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [16, 16], "layers.0.self_attn.q_proj.bias": [16],
        "layers.0.self_attn.k_proj.weight": [8, 16], "layers.0.self_attn.k_proj.bias": [8],
        "layers.0.self_attn.v_proj.weight": [8, 16], "layers.0.self_attn.v_proj.bias": [8],
        "layers.0.self_attn.o_proj.weight": [16, 16], "layers.0.mlp.gate_proj.weight": [24, 16],
        "layers.0.mlp.up_proj.weight": [24, 16], "layers.0.mlp.down_proj.weight": [16, 24],
        "layers.0.input_layernorm.weight": [16], "layers.0.post_attention_layernorm.weight": [16],
        "norm.weight": [16]}
        """#,
      hidden: [
        -0.14864384, -1.043447, -0.67375082, 0.88418919, 0.068653725, 0.24499443, 1.4014571, -0.62993842,
        -1.2872365, -0.2341387, -2.0634604, 0.36553544, -0.45296407, 0.70864463, -0.014500414, -0.17401452,
      ],
      gradientByRow1: [
        0.40657127, -0.08205536, 0.17885378, 0.21997294, -0.31772667, -0.40737754, 0.085923821, 0.043342121,
      ],
      gradientByRow10: [
        0.24639624, 0.36693847, 0.13521279, -0.21049508, 0.19243203, -0.46803126, 0.094686963, -0.0064382157,
      ]),
    DecoderGolden(
      name: "qwen3",
      configuration: #"""
        {"attention_bias": false, "head_dim": 12, "hidden_act": "silu", "hidden_size": 16, "intermediate_size":
        24, "layer_types": ["full_attention", "full_attention", "full_attention", "full_attention"],
        "max_position_embeddings": 4096, "max_window_layers": 28, "model_type": "qwen3", "num_attention_heads":
        4, "num_hidden_layers": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters":
        {"rope_theta": 10000.0, "rope_type": "default"}, "sliding_window": null, "tie_word_embeddings": false,
        "use_sliding_window": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [48, 16], "layers.0.self_attn.k_proj.weight": [24, 16],
        "layers.0.self_attn.v_proj.weight": [24, 16], "layers.0.self_attn.o_proj.weight": [16, 48],
        "layers.0.self_attn.q_norm.weight": [12], "layers.0.self_attn.k_norm.weight": [12],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -0.60604125, -0.79457659, 0.30343702, 0.66557086, 1.302128, 0.92156124, 0.061606638, 0.15332033,
        -0.39908972, -0.015402746, -1.7199935, 0.46338964, 0.48608398, 0.58301198, -1.6584184, -0.60240024,
      ],
      gradientByRow1: [
        1.0227627, 0.66374129, -0.28911698, -0.35605088, -0.29118833, -0.22345543, -0.074672319, 0.31527305,
      ],
      gradientByRow10: [
        0.45596394, -0.083413064, -0.53664774, 0.56012309, 0.15835229, 0.52919316, -0.35321546, 0.22178455,
      ]),
    DecoderGolden(
      name: "gemma2",
      configuration: #"""
        {"attention_bias": false, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0, "head_dim": 12,
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 16, "intermediate_size": 24, "layer_types":
        ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
        "max_position_embeddings": 4096, "model_type": "gemma2", "num_attention_heads": 4, "num_hidden_layers":
        4, "num_key_value_heads": 2, "query_pre_attn_scalar": 20, "rms_norm_eps": 1e-05, "rope_parameters":
        {"rope_theta": 10000.0, "rope_type": "default"}, "sliding_window": 5, "tie_word_embeddings": true,
        "use_bidirectional_attention": null, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [48, 16], "layers.0.self_attn.k_proj.weight": [24, 16],
        "layers.0.self_attn.v_proj.weight": [24, 16], "layers.0.self_attn.o_proj.weight": [16, 48],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "layers.0.pre_feedforward_layernorm.weight": [16],
        "layers.0.post_feedforward_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -1.3137904, -0.50683695, 1.5916758, 0.86278266, 0.72275889, 1.4771324, -0.49593771, -0.066191301,
        -1.54917, 0.93690282, -0.19559729, 0.032080639, -0.074585199, 0.64108145, -1.5187956, -0.44296336,
      ],
      gradientByRow1: [
        0.99534678, 0.061773833, -0.32087591, -0.024986871, 0.043488324, 0.38828787, 0.027827367, 0.045961645,
      ],
      gradientByRow10: [
        0.88957673, -0.080976859, 0.94369054, 0.6964795, -0.16479778, -1.4910088, 0.13457274, 0.89273363,
      ]),
    DecoderGolden(
      name: "gemma3_text",
      configuration: #"""
        {"_sliding_window_pattern": 6, "attention_bias": false, "attn_logit_softcapping": null,
        "final_logit_softcapping": null, "head_dim": 12, "hidden_activation": "gelu_pytorch_tanh",
        "hidden_size": 16, "intermediate_size": 24, "layer_types": ["sliding_attention", "sliding_attention",
        "full_attention", "sliding_attention"], "max_position_embeddings": 4096, "model_type": "gemma3_text",
        "num_attention_heads": 4, "num_hidden_layers": 4, "num_key_value_heads": 2, "query_pre_attn_scalar": 20,
        "rms_norm_eps": 1e-05, "rope_parameters": {"full_attention": {"factor": 8.0, "rope_theta": 1000000.0,
        "rope_type": "linear"}, "sliding_attention": {"rope_theta": 10000.0, "rope_type": "default"}},
        "sliding_window": 5, "tie_word_embeddings": true, "use_bidirectional_attention": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [48, 16], "layers.0.self_attn.k_proj.weight": [24, 16],
        "layers.0.self_attn.v_proj.weight": [24, 16], "layers.0.self_attn.o_proj.weight": [16, 48],
        "layers.0.self_attn.q_norm.weight": [12], "layers.0.self_attn.k_norm.weight": [12],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "layers.0.pre_feedforward_layernorm.weight": [16],
        "layers.0.post_feedforward_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -0.71911067, -0.33536837, 1.4784693, -0.202741, -0.96946776, -0.013916545, -1.1219995, 0.61563361,
        1.1453624, 1.2868475, -0.90999484, 0.053793363, -0.59584701, 0.64977169, -1.9706783, 0.17248923,
      ],
      gradientByRow1: [
        0.67150772, 0.4084605, 0.58914185, -0.18868455, -0.024737848, -0.45411927, 0.036117714, 0.23491868,
      ],
      gradientByRow10: [
        0.21259032, -0.51987767, -0.053889185, 0.12617034, 0.41038728, 0.11149508, -0.93587971, 0.068947807,
      ]),
    DecoderGolden(
      name: "phi3",
      configuration: #"""
        {"hidden_act": "silu", "hidden_size": 16, "intermediate_size": 24, "max_position_embeddings": 4096,
        "model_type": "phi3", "num_attention_heads": 4, "num_hidden_layers": 4, "num_key_value_heads": 2,
        "original_max_position_embeddings": 4096, "partial_rotary_factor": 0.5, "rms_norm_eps": 1e-05,
        "rope_parameters": {"partial_rotary_factor": 0.5, "rope_theta": 10000.0, "rope_type": "default"},
        "sliding_window": 5, "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.o_proj.weight": [16, 16], "layers.0.self_attn.qkv_proj.weight": [32, 16],
        "layers.0.mlp.gate_up_proj.weight": [48, 16], "layers.0.mlp.down_proj.weight": [16, 24],
        "layers.0.input_layernorm.weight": [16], "layers.0.post_attention_layernorm.weight": [16],
        "norm.weight": [16]}
        """#,
      hidden: [
        -0.4897714, 0.80207002, 0.9493261, -0.53945732, 1.2263863, 0.84038472, -1.1415273, -0.15114969,
        1.2707406, -1.0443555, -1.3562962, -0.66180027, -0.85986179, -0.10197937, 0.66437829, 0.57617199,
      ],
      gradientByRow1: [
        -0.04564476, 0.051435441, 0.10502999, -0.015445784, -0.055359293, -0.031727009, 0.10993455,
        0.070462771,
      ],
      gradientByRow10: [
        -0.89221966, -0.083269902, -0.10651669, 0.9755758, -0.79290378, -0.3736541, -0.18855008, -0.66489589,
      ]),
    DecoderGolden(
      name: "phi3 longrope",
      configuration: #"""
        {"hidden_act": "silu", "hidden_size": 16, "intermediate_size": 24, "max_position_embeddings": 16384,
        "model_type": "phi3", "num_attention_heads": 4, "num_hidden_layers": 4, "num_key_value_heads": 2,
        "original_max_position_embeddings": 4096, "rms_norm_eps": 1e-05, "rope_parameters": {"long_factor":
        [4.0, 5.0], "original_max_position_embeddings": 4096, "partial_rotary_factor": 1.0, "rope_theta":
        10000.0, "rope_type": "longrope", "short_factor": [1.0, 1.25], "type": "longrope"}, "sliding_window":
        null, "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.o_proj.weight": [16, 16], "layers.0.self_attn.qkv_proj.weight": [32, 16],
        "layers.0.mlp.gate_up_proj.weight": [48, 16], "layers.0.mlp.down_proj.weight": [16, 24],
        "layers.0.input_layernorm.weight": [16], "layers.0.post_attention_layernorm.weight": [16],
        "norm.weight": [16]}
        """#,
      hidden: [
        -1.629611, 1.002177, -0.12637034, -0.18245645, 0.54317307, 0.54885608, -0.049840871, 0.28052178,
        0.84802848, 0.2854642, -1.2158859, -0.27980477, -0.86945987, 1.2345866, 0.64927012, -1.4204247,
      ],
      gradientByRow1: [
        -0.069155291, 0.064084381, 0.32374424, 0.5554871, 0.50169736, 0.5956949, -0.25158158, -0.21031162,
      ],
      gradientByRow10: [
        -0.10117975, -0.27957457, -0.02270899, -0.014199025, -0.047455087, 0.14261362, 0.023214713,
        -0.36471435,
      ]),
    DecoderGolden(
      name: "smollm3",
      configuration: #"""
        {"attention_bias": false, "hidden_act": "silu", "hidden_size": 16, "intermediate_size": 24,
        "layer_types": ["full_attention", "sliding_attention", "full_attention", "full_attention"],
        "max_position_embeddings": 4096, "mlp_bias": false, "model_type": "smollm3", "no_rope_layer_interval":
        4, "no_rope_layers": [1, 0, 1, 1], "num_attention_heads": 4, "num_hidden_layers": 4,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"rope_theta": 2000000.0,
        "rope_type": "default"}, "sliding_window": 5, "tie_word_embeddings": true, "use_sliding_window": true,
        "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [16, 16], "layers.0.self_attn.k_proj.weight": [8, 16],
        "layers.0.self_attn.v_proj.weight": [8, 16], "layers.0.self_attn.o_proj.weight": [16, 16],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.input_layernorm.weight": [16],
        "layers.0.post_attention_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        -0.016346768, -1.6084645, 0.142353, 0.13968784, 0.29946926, 0.43054795, 1.1746479, -0.85222214,
        -1.2524229, 0.29960287, -1.63854, 0.059746675, -0.96459526, 0.3438414, -0.86783826, -0.46148813,
      ],
      gradientByRow1: [
        0.076905869, 0.31698263, -0.029443137, 0.58231777, 0.093030095, 0.070007488, 0.12246428, 0.13510174,
      ],
      gradientByRow10: [
        0.16942894, -0.0042390767, 0.24257445, 0.093440607, 0.13818558, -0.13475597, -0.11101419, 0.13412473,
      ]),
    DecoderGolden(
      name: "olmo2",
      configuration: #"""
        {"attention_bias": false, "hidden_act": "silu", "hidden_size": 16, "intermediate_size": 24,
        "max_position_embeddings": 4096, "model_type": "olmo2", "num_attention_heads": 4, "num_hidden_layers":
        4, "num_key_value_heads": 2, "rms_norm_eps": 1e-05, "rope_parameters": {"rope_theta": 10000.0,
        "rope_type": "default"}, "tie_word_embeddings": false, "vocab_size": 8}
        """#,
      tensors: #"""
        {"layers.0.self_attn.q_proj.weight": [16, 16], "layers.0.self_attn.k_proj.weight": [8, 16],
        "layers.0.self_attn.v_proj.weight": [8, 16], "layers.0.self_attn.o_proj.weight": [16, 16],
        "layers.0.self_attn.q_norm.weight": [16], "layers.0.self_attn.k_norm.weight": [8],
        "layers.0.mlp.gate_proj.weight": [24, 16], "layers.0.mlp.up_proj.weight": [24, 16],
        "layers.0.mlp.down_proj.weight": [16, 24], "layers.0.post_attention_layernorm.weight": [16],
        "layers.0.post_feedforward_layernorm.weight": [16], "norm.weight": [16]}
        """#,
      hidden: [
        0.22336726, -0.84682053, -1.0069151, 0.2476535, 0.36026889, 0.48113039, 0.85080117, -0.36838046,
        -0.97851664, -0.15890872, -2.4015002, 0.56651741, -0.6740284, 0.33233654, 0.23423539, -0.23625164,
      ],
      gradientByRow1: [
        -0.09845604, 0.0066206828, -0.27184108, 0.27116352, -0.62763298, 1.0363537, -0.62415236, 0.66571099,
      ],
      gradientByRow10: [
        0.48532245, 0.2293697, 0.091840535, -0.42707509, 0.27411562, -0.45345855, 0.411302, -0.59502751,
      ]),
  ]
}
