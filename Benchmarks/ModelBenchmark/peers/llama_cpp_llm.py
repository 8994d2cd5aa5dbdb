# SPDX-License-Identifier: Apache-2.0
"""llama.cpp: {"lengths": [tokens, …]} decodes one batch of sequences; of the last tokens alone the output is computed."""
import ctypes
import os
import sys

from worker import serve

import llama_cpp


@llama_cpp.llama_log_callback
def quiet(level, text, user_data):
    pass


def load():
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    model = llama_cpp.llama_model_load_from_file(sys.argv[1].encode(), llama_cpp.llama_model_default_params())
    if not model:
        sys.exit(f"llama.cpp cannot load {sys.argv[1]}")
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = parameters.n_batch = 4096
    parameters.n_seq_max = 8
    parameters.n_threads = parameters.n_threads_batch = len(os.sched_getaffinity(0))
    context = llama_cpp.llama_init_from_model(model, parameters)
    vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))

    def forward(request):
        lengths = request["lengths"]
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        batch = llama_cpp.llama_batch_init(sum(lengths), 0, 1)
        batch.n_tokens, at = sum(lengths), 0
        for sequence, length in enumerate(lengths):
            for position in range(length):
                batch.token[at] = (at * 7919 + 13) % vocabulary
                batch.pos[at], batch.n_seq_id[at], batch.seq_id[at][0] = position, 1, sequence
                batch.logits[at] = position == length - 1
                at += 1
        failed = llama_cpp.llama_decode(context, batch)
        llama_cpp.llama_synchronize(context)
        llama_cpp.llama_batch_free(batch)
        assert failed == 0, f"llama_decode: {failed}"

    forward({"lengths": [16]})
    return forward


serve(load)
