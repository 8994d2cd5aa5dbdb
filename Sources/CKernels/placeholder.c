#include "illmrec_kernels.h"
