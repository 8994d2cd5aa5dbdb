#pragma once

#include "illmrec_kernels.h"

/// `isa`, or the machine's best for ILLMREC_ISA_BEST.
illmrec_isa isa_or_best(illmrec_isa isa);
