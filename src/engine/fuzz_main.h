// Moved: include "driver/fuzz_main.h".
#include "driver/fuzz_main.h"
