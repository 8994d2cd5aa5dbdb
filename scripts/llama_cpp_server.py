# SPDX-License-Identifier: Apache-2.0
"""llama.cpp by PyPI's xllamacpp. Read by other scripts; nothing to run."""
import json
import urllib.request

import torch


class LlamaCpp:
    """llama.cpp as a server in this process: the state of a text's last token, in 32-bit floats, and token ids."""

    def __init__(self, path):
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.embedding = True
        parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_LAST
        parameters.embd_normalize = -1
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = 2048
        parameters.n_gpu_layers, parameters.warmup, parameters.verbosity = 0, False, 0
        parameters.cache_type_k = parameters.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        parameters.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(parameters)

    def state(self, ids):
        answer = self.server.handle_embeddings({"input": [ids], "embd_normalize": -1, "encoding_format": "float"})
        answer = json.loads(answer) if isinstance(answer, str) else answer
        return torch.tensor(answer["data"][0]["embedding"])

    def tokens(self, text):
        body = json.dumps({"content": text, "add_special": True, "parse_special": True}).encode()
        request = urllib.request.Request(
            self.server.listening_address + "/tokenize", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["tokens"]
