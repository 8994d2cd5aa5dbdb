// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <stddef.h>
#include <stdio.h>

#include <jpeglib.h>

/// Estimates, in place, the coefficients that a progressive file has not told in full, from the means of the blocks
/// around. Does nothing to a file that tells all of them.
///
/// - codec: in buffered-image mode, with all of its input consumed.
/// - coefficients: what `jpeg_read_coefficients` gave.
/// Memory comes from the codec's pool of the image; its absence is the codec's error.
void illmrec_jpeg_smooth(j_decompress_ptr codec, jvirt_barray_ptr *coefficients);
