// SPDX-License-Identifier: Apache-2.0

#include "reader.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "jpeg_smoothing.h"

#include <jerror.h>

// libjpeg-turbo with its defaults (islow DCT, fancy upsampling), which are Pillow's, but for block smoothing, which is
// that of the version that Pillow holds (jpeg_smoothing.c). Like Pillow, the source suspends at the end of the data
// instead of inventing an end marker, so that a truncated file is an error and a file that lacks only its end marker is
// none; warnings of corrupt entropy data are no errors.

/// A file with several scans may make the decoder visit each block of coefficients as often as it has scans, and a
/// crafted one has thousands in a few kilobytes. One visit for every two pixels allowed is twice what the usual ten
/// scans take of the largest image, and under a second.
#define PIXELS_PER_VISIT 2
#define LEAST_VISITS (1u << 20)

/// Arithmetic coding takes about this many times as long for an empty block.
#define ARITHMETIC_VISIT_COST 2

typedef struct {
  illmrec_image_reader base;
  struct jpeg_decompress_struct codec;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  jmp_buf escape;
  illmrec_image_result *result;
  uint64_t block_visits, max_block_visits;
  int started;
  /// One row of C M Y K, for files with four components.
  uint8_t *cmyk;
} jpeg_reader;

static jpeg_reader *reader_of(j_common_ptr codec) { return codec->client_data; }

static illmrec_image_status status_of(int message_code) {
  switch (message_code) {
    case JERR_OUT_OF_MEMORY:
      return ILLMREC_IMAGE_NO_MEMORY;
    case JERR_NO_BACKING_STORE:
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
      return ILLMREC_IMAGE_TOO_MANY_PIXELS;
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_COMPONENT_COUNT:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
      return ILLMREC_IMAGE_UNSUPPORTED;
    default:
      return ILLMREC_IMAGE_CORRUPT;
  }
}

static void error_exit(j_common_ptr codec) {
  jpeg_reader *reader = reader_of(codec);
  char message[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, message);
  illmrec_image_fail(reader->result, status_of(codec->err->msg_code), "%s", message);
  longjmp(reader->escape, 1);
}

static void emit_message(j_common_ptr codec, int level) {
  if (level < 0) codec->err->num_warnings++;
}

static void source_init(j_decompress_ptr codec) { (void)codec; }

static boolean source_fill(j_decompress_ptr codec) {
  (void)codec;
  return FALSE;
}

static void source_skip(j_decompress_ptr codec, long count) {
  struct jpeg_source_mgr *source = codec->src;
  size_t skipped = count < 0 ? 0 : (size_t)count;
  if (skipped > source->bytes_in_buffer) skipped = source->bytes_in_buffer;
  source->next_input_byte += skipped;
  source->bytes_in_buffer -= skipped;
}

/// Counts one row of MCUs.
static void count_work(jpeg_reader *reader) {
  j_decompress_ptr codec = &reader->codec;
  for (int i = 0; i < codec->comps_in_scan; i++) {
    const jpeg_component_info *component = codec->cur_comp_info[i];
    uint64_t blocks = (uint64_t)component->width_in_blocks * (uint64_t)component->v_samp_factor;
    reader->block_visits += blocks * (codec->arith_code ? ARITHMETIC_VISIT_COST : 1);
  }
  if (reader->block_visits <= reader->max_block_visits) return;
  illmrec_image_fail(reader->result, ILLMREC_IMAGE_TOO_MANY_PIXELS,
                     "its %d scans so far visit more blocks than the limit of %llu, which goes with that of pixels",
                     codec->input_scan_number, (unsigned long long)reader->max_block_visits);
  longjmp(reader->escape, 1);
}

static illmrec_image_status fail_truncated(jpeg_reader *reader) {
  return illmrec_image_fail(reader->result, ILLMREC_IMAGE_TRUNCATED, "its data ends at row %u of %d",
                            reader->started ? reader->codec.output_scanline : 0, reader->base.height);
}

/// Chooses the output: gray and three components as RGB, four as C M Y K.
static illmrec_image_status choose_output(jpeg_reader *reader) {
  switch (reader->codec.num_components) {
    case 1:
    case 3:
      reader->codec.out_color_space = JCS_RGB;
      return ILLMREC_IMAGE_OK;
    case 4:
      reader->codec.out_color_space = JCS_CMYK;
      reader->cmyk = malloc(4 * (size_t)reader->base.width);
      if (reader->cmyk != NULL) return ILLMREC_IMAGE_OK;
      return illmrec_image_fail(reader->result, ILLMREC_IMAGE_NO_MEMORY, "no memory for a row");
    default:
      return illmrec_image_fail(reader->result, ILLMREC_IMAGE_UNSUPPORTED, "it has %d components, not 1, 3 or 4",
                                reader->codec.num_components);
  }
}

/// Ink to light as Pillow does it. Four-component files hold inverted ink (Adobe's convention), whether or not they
/// say so: `cmyk` is what is left of the white.
static void rgb_from_inverted_cmyk(const uint8_t *restrict cmyk, int32_t width, uint8_t *restrict rgb) {
  for (int32_t x = 0; x < width; x++) {
    unsigned black = cmyk[4 * x + 3];
    for (int c = 0; c < 3; c++) {
      unsigned product = (255u - cmyk[4 * x + c]) * black + 128;
      rgb[3 * x + c] = (uint8_t)(black - ((product + (product >> 8)) >> 8));
    }
  }
}

static int read_row(jpeg_reader *reader, uint8_t *rgb) {
  JSAMPROW row = reader->cmyk != NULL ? reader->cmyk : rgb;
  if (jpeg_read_scanlines(&reader->codec, &row, 1) != 1) return 0;
  if (reader->cmyk != NULL) rgb_from_inverted_cmyk(reader->cmyk, reader->base.width, rgb);
  return 1;
}

/// Reads all scans, and then begins the output; 0 when the data ends before them.
static int start_after_scans(jpeg_reader *reader) {
  j_decompress_ptr codec = &reader->codec;
  codec->buffered_image = TRUE;
  codec->do_block_smoothing = FALSE;
  if (!jpeg_start_decompress(codec)) return 0;
  for (int status = JPEG_ROW_COMPLETED; status != JPEG_REACHED_EOI; status = jpeg_consume_input(codec)) {
    if (status == JPEG_SUSPENDED) return 0;
    count_work(reader);
  }
  illmrec_jpeg_smooth(codec, jpeg_read_coefficients(codec));
  return jpeg_start_output(codec, codec->input_scan_number);
}

/// A file with one scan is read as its rows are asked for, and does no work beyond them.
static int start(jpeg_reader *reader) {
  return jpeg_has_multiple_scans(&reader->codec) ? start_after_scans(reader) : jpeg_start_decompress(&reader->codec);
}

static int is_frame_header(int marker) { return marker >= 0xc0 && marker <= 0xca && marker != 0xc4 && marker != 0xc8; }

/// Finds what is wrong after the last row; a missing end marker is not.
static void finish(j_decompress_ptr codec) {
  if (codec->buffered_image && !jpeg_finish_output(codec)) return;
  // Where the data ends within a second frame's header, version 3 has refused the frame by then, and 2.1.5 waits for more.
  if (!jpeg_finish_decompress(codec) && is_frame_header(codec->unread_marker)) ERREXIT(codec, JERR_SOF_DUPLICATE);
}

static illmrec_image_status read_rows(illmrec_image_reader *base, uint8_t *rgb, int32_t rows,
                                      illmrec_image_result *result) {
  jpeg_reader *reader = (jpeg_reader *)base;
  reader->result = result;
  if (setjmp(reader->escape) != 0) return result->status;
  if (!reader->started) {
    if (!start(reader)) return fail_truncated(reader);
    reader->started = 1;
  }
  size_t stride = 3 * (size_t)base->width;
  for (int32_t y = 0; y < rows; y++) {
    if (!read_row(reader, rgb + stride * (size_t)y)) return fail_truncated(reader);
  }
  base->next_row += rows;
  if (base->next_row == base->height) finish(&reader->codec);
  return ILLMREC_IMAGE_OK;
}

static void destroy(illmrec_image_reader *base) {
  jpeg_reader *reader = (jpeg_reader *)base;
  jpeg_destroy_decompress(&reader->codec);
  free(reader->cmyk);
  free(reader);
}

static void prepare_codec(jpeg_reader *reader, const uint8_t *bytes, size_t count, uint64_t max_pixels) {
  reader->codec.err = jpeg_std_error(&reader->errors);
  reader->errors.error_exit = error_exit;
  reader->errors.emit_message = emit_message;
  reader->codec.client_data = reader;
  jpeg_create_decompress(&reader->codec);
  // Coefficients of four components at full resolution, 2 bytes each, and 32 MiB for the rest.
  reader->codec.mem->max_memory_to_use = (long)(8 * max_pixels + (32u << 20));
  reader->source = (struct jpeg_source_mgr){
      .next_input_byte = bytes,
      .bytes_in_buffer = count,
      .init_source = source_init,
      .fill_input_buffer = source_fill,
      .skip_input_data = source_skip,
      .resync_to_restart = jpeg_resync_to_restart,
      .term_source = source_init,
  };
  reader->codec.src = &reader->source;
  reader->max_block_visits = max_pixels / PIXELS_PER_VISIT;
  if (reader->max_block_visits < LEAST_VISITS) reader->max_block_visits = LEAST_VISITS;
}

/// Of the coefficients, which are kept until the last scan where there are several.
static uint64_t coefficient_bytes(j_decompress_ptr codec) {
  if (!jpeg_has_multiple_scans(codec)) return 0;
  uint64_t blocks = 0;
  for (int i = 0; i < codec->num_components; i++) {
    blocks += (uint64_t)codec->comp_info[i].width_in_blocks * (uint64_t)codec->comp_info[i].height_in_blocks;
  }
  return blocks * sizeof(JBLOCK);
}

static illmrec_image_status read_header(jpeg_reader *reader, uint64_t max_pixels) {
  int found;
  do {
    found = jpeg_read_header(&reader->codec, FALSE);
  } while (found == JPEG_HEADER_TABLES_ONLY);
  if (found == JPEG_SUSPENDED) {
    return illmrec_image_fail(reader->result, ILLMREC_IMAGE_TRUNCATED, "its data ends within the header");
  }
  if (illmrec_image_check_size(reader->codec.image_width, reader->codec.image_height, max_pixels, reader->result) !=
      ILLMREC_IMAGE_OK) {
    return reader->result->status;
  }
  reader->base.width = (int32_t)reader->codec.image_width;
  reader->base.height = (int32_t)reader->codec.image_height;
  reader->base.memory = coefficient_bytes(&reader->codec);
  return choose_output(reader);
}

illmrec_image_reader *illmrec_jpeg_reader_create(const uint8_t *bytes, size_t count, uint64_t max_pixels,
                                                 illmrec_image_result *result) {
  jpeg_reader *reader = illmrec_image_allocate_reader(sizeof *reader, read_rows, destroy, result);
  if (reader == NULL) return NULL;
  reader->result = result;
  if (setjmp(reader->escape) == 0) {
    prepare_codec(reader, bytes, count, max_pixels);
    if (read_header(reader, max_pixels) == ILLMREC_IMAGE_OK) return &reader->base;
  }
  destroy(&reader->base);
  return NULL;
}
