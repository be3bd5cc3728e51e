// The C header by itself is good C++, without the simulator too.
#undef GPOEO_SIM
#include "gpoeo.h"

#include "gpoeo.hpp"

int main()
{
    gpoeo_status status = gpoeo_optimizer_handle_timeout(nullptr, 0);
    gpoeo_config config = gpoeo::default_config();
    config.objective = GPOEO_OBJECTIVE_EDP;
    return status == GPOEO_STATUS_NULL_POINTER && config.objective == 3 ? 0 : 1;
}
