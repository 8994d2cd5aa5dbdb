# SPDX-License-Identifier: Apache-2.0
"""The families of decoders that are computed, as small models of transformers 5. Read by other scripts; nothing to run."""
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
# Name: model_type, type of the file, and what differs from `common`.
VARIANTS = {
    "llama": ("llama", "float32", {"rope_theta": 500000.0}),
    "llama linear": ("llama", "float32", {"rope_scaling": {"rope_type": "linear", "factor": 2.0}}),
    "llama dynamic": ("llama", "float32", {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}),
    "llama llama3": ("llama", "bfloat16", {"head_dim": 16, "attention_bias": True, "mlp_bias": True, "rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}}),
    "llama yarn": ("llama", "float32", {"head_dim": 16, "rope_scaling": YARN}),
    "llama yarn, not truncated": ("llama", "float32", {"head_dim": 16, "rope_scaling": {
        **YARN, "truncate": False, "beta_fast": 16.0, "mscale": 1.0, "mscale_all_dim": 0.5}}),
    "mistral": ("mistral", "float32", {"sliding_window": 5, "head_dim": 12}),
    "qwen2": ("qwen2", "float32", {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 2}),
    "qwen3": ("qwen3", "bfloat16", {"head_dim": 12, "use_sliding_window": False}),
    "gemma2": ("gemma2", "bfloat16", {
        "head_dim": 12, "sliding_window": 5, "query_pre_attn_scalar": 20, "attn_logit_softcapping": 2.0,
        "final_logit_softcapping": 3.0}),
    "gemma3_text": ("gemma3_text", "float32", {
        "head_dim": 12, "sliding_window": 5, "query_pre_attn_scalar": 20, "layer_types": [
            "sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}}),
    "phi3": ("phi3", "float32", {"sliding_window": 5, "partial_rotary_factor": 0.5}),
    "phi3 longrope": ("phi3", "float32", {
        "max_position_embeddings": 16384, "original_max_position_embeddings": 4096, "rope_scaling": {
            "type": "longrope", "short_factor": "pairs", "long_factor": "pairs"}}),
    "smollm3": ("smollm3", "float32", {"no_rope_layers": [1, 0, 1, 1], "use_sliding_window": True, "sliding_window": 5}),
    "olmo2": ("olmo2", "float32", {}),
}
LAYERS = 4
HEADS = 4


def configuration(name, width, vocabulary):
    """A configuration with four layers of four heads, two of them for keys."""
    model_type, _, changes = VARIANTS[name]
    common = {"vocab_size": vocabulary, "hidden_size": width, "intermediate_size": 3 * width // 2,
              "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
              "max_position_embeddings": 4096, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    changes = dict(changes)
    scaling = changes.get("rope_scaling", {})
    if scaling.get("short_factor") == "pairs":
        pairs = width // HEADS // 2
        changes["rope_scaling"] = {**scaling, "short_factor": [1 + 0.25 * i for i in range(pairs)],
                                   "long_factor": [4.0 + i for i in range(pairs)]}
    return CONFIG_MAPPING[model_type](**{**common, **changes})


def model(name, width, vocabulary):
    """The model in float32, with the weights that transformers begins with."""
    llm = AutoModelForCausalLM.from_config(configuration(name, width, vocabulary), attn_implementation="eager")
    return llm.float().eval()
