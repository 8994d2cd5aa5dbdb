#include "illmrec_sentencepiece.h"
