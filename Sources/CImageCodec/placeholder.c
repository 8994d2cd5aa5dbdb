#include "illmrec_image.h"
