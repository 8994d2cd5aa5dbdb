#include "illmrec_grpc.h"
