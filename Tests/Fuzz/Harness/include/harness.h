// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdint.h>

// What every libFuzzer target here is made of: see scripts/fuzz.sh.

#ifdef __cplusplus
extern "C" {
#endif

/// Each target's own: takes any bytes, and ends the process by `fuzz_require` when an answer is wrong.
void fuzz_one(const uint8_t *bytes, size_t count);

/// Each target's own: calls `fuzz_seed` with inputs to begin with.
void fuzz_make_seeds(void);

/// Writes one input into the folder that `--seeds FOLDER` named.
void fuzz_seed(const char *name, const void *bytes, size_t count);

/// Ends the process, so that libFuzzer keeps the input.
void fuzz_require(int condition, const char *promise);

/// What the program is called, behind the last slash: targets that read several formats are linked under several names.
const char *fuzz_name(void);

#ifdef __cplusplus
}
#endif
