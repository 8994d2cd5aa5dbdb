// SPDX-License-Identifier: Apache-2.0

/// Models to begin with, as ``GGUFText`` reads them.
enum GGUFSeeds {
  static let all = ["sentencepiece": model + sentencePiece, "byte-level": model + byteLevel, "scaled": scaled + model]

  private static let model = """
    t general.architecture llama
    t general.name tiny
    u general.quantization_version 2
    u llama.block_count 1
    u llama.context_length 64
    u llama.embedding_length 32
    u llama.feed_forward_length 32
    u llama.attention.head_count 4
    u llama.attention.head_count_kv 2
    f llama.attention.layer_norm_rms_epsilon 1e-5
    u llama.rope.dimension_count 8
    f llama.rope.freq_base 10000
    w token_embd.weight 0 32 8
    w blk.0.attn_norm.weight 0 32
    w blk.0.attn_q.weight 8 32 32
    w blk.0.attn_k.weight 2 32 16
    w blk.0.attn_v.weight 3 32 16
    w blk.0.attn_output.weight 1 32 32
    w blk.0.ffn_norm.weight 28 32
    w blk.0.ffn_gate.weight 30 32 32
    w blk.0.ffn_up.weight 12 256 2
    w blk.0.ffn_down.weight 14 256 2
    w output_norm.weight 24 32

    """

  private static let sentencePiece = """
    t tokenizer.ggml.model llama
    T tokenizer.ggml.tokens <unk>|<s>|</s>|▁|a|▁a|<0xC3>|<i_vis>
    F tokenizer.ggml.scores 0 0 0 -1 -2 -3 0 0
    I tokenizer.ggml.token_type 2 3 3 1 1 1 6 4
    u tokenizer.ggml.bos_token_id 1
    u tokenizer.ggml.eos_token_id 2
    u tokenizer.ggml.unknown_token_id 0
    b tokenizer.ggml.add_bos_token 1

    """

  private static let byteLevel = """
    t tokenizer.ggml.model gpt2
    t tokenizer.ggml.pre llama-bpe
    T tokenizer.ggml.tokens a|r|e|d|re|red|Ġ|<eot>|[PAD8]
    T tokenizer.ggml.merges r e|re d
    I tokenizer.ggml.token_type 1 1 1 1 1 1 1 3 5
    u tokenizer.ggml.bos_token_id 7
    u tokenizer.ggml.eos_token_id 7
    b tokenizer.ggml.add_space_prefix 0

    """

  private static let scaled = """
    t llama.rope.scaling.type linear
    f llama.rope.scaling.factor 2
    i llama.vocab_size 8
    t llama.tensor_data_layout Meta AI original pth
    w rope_freqs.weight 0 4
    w blk.0.attn_q.bias 0 32
    w output.weight 0 32 8

    """
}
