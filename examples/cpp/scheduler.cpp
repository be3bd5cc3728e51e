// The same poll loop as in ../c/scheduler.c, in C++: four simulated GPUs, in virtual time.
//
//     scheduler [MINUTES]
#include <gpoeo.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

namespace {

using gpoeo::Nanoseconds;

constexpr std::array jobs = {"vit_large", "resnet50_amp", "swin_checkpoints", "kmeans_aperiodic"};

/// A GPU that is looked after. One that failed is left alone, with its clocks put back.
class Gpu {
public:
    Gpu(std::string job, std::uint64_t seed, Nanoseconds length, const gpoeo_config &config)
        : job_(std::move(job)), device_(job_, seed, length), optimizer_(config, device_.capabilities()),
          read_interval_(config.read_interval_ns)
    {
    }

    /// When it wants to be looked after again; never, once it is done.
    Nanoseconds wake() const
    {
        const auto deadline = retired_ ? std::nullopt : optimizer_.poll_timeout();
        return deadline ? std::min(*deadline, next_read_) : Nanoseconds::max();
    }

    /// A real scheduler: one epoll_wait() or ppoll() for all of them and for all else that it does.
    void wait_until(Nanoseconds wake) { device_.sleep_until(wake); }

    /// Reads and tells the time if that is due, and stops when the job is over.
    void look_after()
    {
        try {
            if (wake() <= device_.now())
                feed();
            if (device_.is_over() && !retired_ && !optimizer_.is_stopped()) {
                optimizer_.stop(device_.now());
                drain();
            }
        } catch (const gpoeo::Error &error) {
            std::cerr << job_ << ": " << error.what() << "\n";
            retire();
        }
    }

    /// False if it failed.
    bool print_account()
    {
        if (retired_) {
            std::printf("%-17s no account\n", job_.c_str());
            return false;
        }
        const gpoeo_report report = optimizer_.report();
        const gpoeo_sim_account truth = device_.account();
        std::printf("%-17s saved %4.1f %% of energy for %3.1f %% more time, as measured; %4.1f %% and %3.1f %% in truth;"
                    " %llu settings tried\n",
                    job_.c_str(), 100.0 * report.saving, 100.0 * report.slowdown, 100.0 * truth.saving,
                    100.0 * truth.slowdown, static_cast<unsigned long long>(report.settings_tried));
        return true;
    }

private:
    void feed()
    {
        if (device_.now() >= next_read_) {
            next_read_ = device_.now() + read_interval_;
            optimizer_.handle_samples(device_.read_samples());
            drain();
        }
        optimizer_.handle_timeout(device_.now());
        drain();
    }

    /// After every input: carry out and answer what is asked, hear what is told.
    void drain()
    {
        while (const auto action = optimizer_.poll_action()) {
            // False means that carrying it out took longer than the machine waits: it has gone on without.
            if (const auto fault = carry_out(*action))
                optimizer_.handle_failed(action->id, *fault, device_.now());
            else
                optimizer_.handle_applied(action->id, device_.now());
        }
        while (const auto event = optimizer_.poll_event()) {
            if (event->kind == GPOEO_EVENT_KIND_SETTLED)
                std::cerr << job_ << ": settled at " << event->clocks.sm_mhz << " MHz\n";
            if (event->kind == GPOEO_EVENT_KIND_STOPPED && event->stop_reason != GPOEO_STOP_REASON_REQUESTED)
                std::cerr << job_ << ": stopped for reason " << event->stop_reason << "\n";
        }
    }

    /// Does to the device what the machine asks for. A real scheduler: NVML, and its error as a gpoeo_fault.
    std::optional<gpoeo_fault> carry_out(const gpoeo_action &action)
    {
        try {
            switch (action.command) {
            case GPOEO_COMMAND_SET_CLOCKS: device_.set_clocks(action.clocks); return std::nullopt;
            case GPOEO_COMMAND_RESTORE_CLOCKS: device_.restore_clocks(); return std::nullopt;
            case GPOEO_COMMAND_OPEN_COUNTERS: device_.open_counters(action.pass); return std::nullopt;
            case GPOEO_COMMAND_CLOSE_COUNTERS: optimizer_.handle_counters(device_.close_counters()); return std::nullopt;
            case GPOEO_COMMAND_SET_SAMPLE_INTERVAL:
                device_.set_sample_interval(Nanoseconds(action.interval_ns));
                return std::nullopt;
            default: return GPOEO_FAULT_NOT_SUPPORTED;
            }
        } catch (const gpoeo::Error &error) {
            if (error.status() != GPOEO_STATUS_NOT_SUPPORTED)
                throw;
            return GPOEO_FAULT_NOT_SUPPORTED;
        }
    }

    /// Whatever happens to the machine, the clocks go back: they outlive this process.
    void retire()
    {
        retired_ = true;
        try {
            device_.restore_clocks();
        } catch (const gpoeo::Error &error) {
            std::cerr << job_ << ": the clocks could not be put back: " << error.what() << "\n";
        }
    }

    std::string job_;
    gpoeo::Sim device_;
    gpoeo::Optimizer optimizer_;
    Nanoseconds read_interval_;
    Nanoseconds next_read_{0};
    bool retired_ = false;
};

int run(double minutes)
{
    const auto length = std::chrono::duration_cast<Nanoseconds>(std::chrono::duration<double, std::ratio<60>>(minutes));
    gpoeo_config config = gpoeo::default_config();
    config.max_slowdown = 0.05;
    std::vector<Gpu> gpus;
    for (std::size_t i = 0; i < jobs.size(); i++)
        gpus.emplace_back(jobs[i], i + 1, length, config);
    for (;;) {
        Nanoseconds wake = Nanoseconds::max();
        for (const Gpu &gpu : gpus)
            wake = std::min(wake, gpu.wake());
        if (wake == Nanoseconds::max())
            break;
        for (Gpu &gpu : gpus) {
            gpu.wait_until(wake);
            gpu.look_after();
        }
    }
    bool well = true;
    for (Gpu &gpu : gpus)
        well = gpu.print_account() && well;
    return well ? 0 : 1;
}

} // namespace

int main(int argc, char **argv)
{
    try {
        return run(argc > 1 ? std::atof(argv[1]) : 10.0);
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
