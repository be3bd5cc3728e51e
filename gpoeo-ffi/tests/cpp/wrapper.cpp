// The C++ wrapper: ownership, errors, nothing and false, and a machine fed by hand.
#include "gpoeo.hpp"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <type_traits>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::cerr << __FILE__ << ":" << __LINE__ << ": not true: " #condition "\n";                                \
            std::exit(1);                                                                                              \
        }                                                                                                              \
    } while (0)

using namespace std::chrono_literals;

static_assert(std::is_nothrow_move_constructible_v<gpoeo::Optimizer>);
static_assert(std::is_nothrow_move_assignable_v<gpoeo::Optimizer>);
static_assert(!std::is_copy_constructible_v<gpoeo::Optimizer> && !std::is_copy_assignable_v<gpoeo::Optimizer>);
static_assert(!std::is_copy_constructible_v<gpoeo::Sim> && std::is_nothrow_move_constructible_v<gpoeo::Sim>);
static_assert(sizeof(gpoeo::Sample) == sizeof(gpoeo_sample), "arrays of them are arrays of those");

static gpoeo::Capabilities three_clocks()
{
    return gpoeo::Capabilities().memory_clock(1593, {1410, 1200, 1305}).sensor_lag(20ms).settle_time(100ms);
}

static void fails(gpoeo_status status, const std::string &part, const std::function<void()> &call)
{
    try {
        call();
    } catch (const gpoeo::Error &error) {
        CHECK(error.status() == status);
        CHECK(std::string(error.what()).find(part) != std::string::npos);
        return;
    }
    std::cerr << "no error about " << part << "\n";
    std::exit(1);
}

static void errors()
{
    gpoeo_config config = gpoeo::default_config();
    fails(GPOEO_STATUS_BAD_CLOCKS, "no memory clock", [&] { gpoeo::Optimizer(config, gpoeo::Capabilities()); });
    config.max_slowdown = 7.0;
    fails(GPOEO_STATUS_BAD_CONFIG, "max_slowdown", [&] { gpoeo::Optimizer(config, three_clocks()); });
    gpoeo::Optimizer optimizer(gpoeo::default_config(), three_clocks());
    optimizer.handle_sample(gpoeo::Sample(2s, 300.0).energy(1e3).sm_clock(1410));
    fails(GPOEO_STATUS_TIME_WENT_BACK, "time went back", [&] { optimizer.handle_sample(gpoeo::Sample(1s, 300.0)); });
    fails(GPOEO_STATUS_BAD_SAMPLE, "power_w", [&] { optimizer.handle_sample(gpoeo::Sample(3s, std::nan(""))); });
}

static void ownership()
{
    gpoeo::Optimizer first(gpoeo::default_config(), three_clocks());
    gpoeo::Optimizer second(std::move(first));
    CHECK(first.get() == nullptr && first.is_stopped());
    fails(GPOEO_STATUS_NULL_POINTER, "NULL", [&] { first.handle_timeout(1s); });
    second.handle_timeout(1s);
    first = std::move(second);
    CHECK(!first.is_stopped() && first.phase() == GPOEO_PHASE_DETECT);
    std::vector<gpoeo::Optimizer> fleet;
    fleet.push_back(std::move(first));
    fleet.emplace_back(gpoeo::default_config(), three_clocks().read_only().counter_passes(1));
    CHECK(fleet.size() == 2);
}

static void loop()
{
    gpoeo::Optimizer optimizer(gpoeo::default_config(), three_clocks());
    CHECK(!optimizer.poll_action() && !optimizer.poll_event());
    const std::vector<gpoeo_sample> samples = {gpoeo::Sample(20ms, 300.0), gpoeo::Sample(40ms, 310.0)};
    optimizer.handle_samples(samples);
    const std::optional<gpoeo_action> action = optimizer.poll_action();
    CHECK(action && action->command == GPOEO_COMMAND_SET_SAMPLE_INTERVAL);
    CHECK(optimizer.handle_applied(action->id, 50ms));
    CHECK(!optimizer.handle_applied(action->id, 50ms) && !optimizer.handle_failed(99, GPOEO_FAULT_TRANSIENT, 50ms));
    CHECK(optimizer.poll_timeout() > 50ms);
    optimizer.handle_fault(GPOEO_FAULT_TRANSIENT, 60ms);
    CHECK(optimizer.poll_event()->kind == GPOEO_EVENT_KIND_ACTION_FAILED);
    CHECK(std::isnan(optimizer.report().saving) && optimizer.trials().empty());
    optimizer.set_objective(GPOEO_OBJECTIVE_MIN_ENERGY, 0.02, 70ms);
    fails(GPOEO_STATUS_BAD_CONFIG, "max_slowdown",
          [&] { optimizer.set_objective(GPOEO_OBJECTIVE_MIN_ENERGY, 7.0, 70ms); });
    CHECK(optimizer.costs().empty());
    optimizer.stop(70ms);
    CHECK(optimizer.is_stopped() && !optimizer.poll_timeout());
}

static void simulated()
{
    fails(GPOEO_STATUS_UNKNOWN_WORKLOAD, "vit_large", [] { gpoeo::Sim("no such", 1, 1s); });
    gpoeo::Sim sim("kmeans_aperiodic", 1, 60s);
    gpoeo::Optimizer optimizer(gpoeo::default_config(), sim.capabilities());
    sim.sleep_until(10s);
    CHECK(sim.now() == 10s && !sim.is_over());
    optimizer.handle_samples(sim.read_samples());
    CHECK(sim.read_samples().empty());
    sim.set_sample_interval(40ms);
    sim.open_counters(0);
    sim.sleep_until(12s);
    const gpoeo_counters counters = sim.close_counters();
    CHECK(counters.end_ns - counters.start_ns == 2000000000 && counters.instructions > 0.0);
    optimizer.handle_counters(counters);
    fails(GPOEO_STATUS_NOT_SUPPORTED, "1 MHz", [&] { sim.set_clocks({1, 1}); });
    sim.restore_clocks();
    CHECK(sim.account().energy_j > 0.0);
}

int main()
{
    errors();
    ownership();
    loop();
    simulated();
    return 0;
}
