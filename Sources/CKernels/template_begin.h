// SPDX-License-Identifier: Apache-2.0

// Begins a template: a file that is included once per feature set and ends with template_end.h.
//
// Parameters: KERNEL(name) names a function, KERNEL_TARGET is its target attribute, KERNEL_LANES the floats of a vector.

typedef float KERNEL(floats) __attribute__((ext_vector_type(KERNEL_LANES)));
typedef int32_t KERNEL(integers) __attribute__((ext_vector_type(KERNEL_LANES)));
typedef float KERNEL(floats_anywhere) __attribute__((ext_vector_type(KERNEL_LANES), aligned(4)));

#define FLOATS KERNEL(floats)
#define INTEGERS KERNEL(integers)
#define LANES ((size_t)KERNEL_LANES)
#define KERNEL_FUNCTION KERNEL_TARGET static
#define KERNEL_INLINED KERNEL_TARGET INLINED
