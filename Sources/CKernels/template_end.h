// SPDX-License-Identifier: Apache-2.0

// Ends a template; its parameters are free for the next feature set.

#undef FLOATS
#undef INTEGERS
#undef LANES
#undef KERNEL_FUNCTION
#undef KERNEL_INLINED

#undef KERNEL
#undef KERNEL_TARGET
#undef KERNEL_LANES
