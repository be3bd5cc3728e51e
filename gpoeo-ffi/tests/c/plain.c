/* The header by itself, without the simulator and without anything included before it. */
#undef GPOEO_SIM
#include "gpoeo.h"

int main(void)
{
    return gpoeo_optimizer_handle_timeout(NULL, 0) == GPOEO_STATUS_NULL_POINTER ? 0 : 1;
}
