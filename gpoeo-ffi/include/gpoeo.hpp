/*
 * gpoeo.hpp: gpoeo.h for C++17. Header only.
 *
 * What it adds: handles that free themselves and can be moved but not copied; std::optional where C has
 * GPOEO_STATUS_NONE; std::chrono for times; gpoeo::Error, thrown for every status that is a failure. Data stays as the
 * plain structs of gpoeo.h. The loop and the rules are those at the top of that header.
 *
 * Not a failure, and so no exception: an answer to an action that the machine has given up meanwhile (handle_applied()
 * and handle_failed() return false). Whoever compiles without exceptions uses gpoeo.h.
 */
#ifndef GPOEO_HPP
#define GPOEO_HPP

#include "gpoeo.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace gpoeo {

/** A time since the embedder's origin, or a length of time. */
using Nanoseconds = std::chrono::nanoseconds;

/** A call that failed. */
class Error : public std::runtime_error {
public:
    Error(gpoeo_status status, const std::string &message)
        : std::runtime_error(message.empty() ? gpoeo_status_text(status) : message), status_(status)
    {
    }

    gpoeo_status status() const noexcept { return status_; }

private:
    gpoeo_status status_;
};

namespace detail {

inline bool is_failure(gpoeo_status status) noexcept
{
    return status != GPOEO_STATUS_OK && status != GPOEO_STATUS_NONE;
}

/* Times before the origin do not exist in C: they become the origin. */
inline std::uint64_t count(Nanoseconds time) noexcept
{
    return time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count());
}

/* The buffer for the message of a call without a handle. */
struct Message {
    char text[512] = "";

    void check(gpoeo_status status) const
    {
        if (is_failure(status))
            throw Error(status, text);
    }
};

/* The message that a handle keeps. */
template <typename Handle>
std::string last_error(const Handle *handle, std::size_t (*copy)(const Handle *, char *, std::size_t))
{
    std::string text(copy(handle, nullptr, 0) + 1, '\0');
    copy(handle, text.data(), text.size());
    text.pop_back();
    return text;
}

} // namespace detail

/** The default configuration; change its fields as you like. */
inline gpoeo_config default_config()
{
    gpoeo_config config;
    detail::Message().check(gpoeo_config_init(&config, sizeof config));
    return config;
}

/** What a GPU offers, with the lists that it owns. */
class Capabilities {
public:
    Capabilities() { detail::Message().check(gpoeo_capabilities_init(&fields_, sizeof fields_)); }

    /** Copies. */
    explicit Capabilities(const gpoeo_capabilities &fields) : fields_(fields)
    {
        for (std::size_t i = 0; i < fields.memory_count; i++) {
            const gpoeo_memory_clock &entry = fields.memory[i];
            memory_clock(entry.mem_mhz, std::vector<std::uint32_t>(entry.sm_mhz, entry.sm_mhz + entry.sm_count));
        }
    }

    /** Adds a memory clock with its SM clocks, MHz, in any order. */
    Capabilities &memory_clock(std::uint32_t mem_mhz, std::vector<std::uint32_t> sm_mhz)
    {
        lists_.emplace_back(mem_mhz, std::move(sm_mhz));
        return *this;
    }

    /** Only observe. */
    Capabilities &read_only(bool read_only = true) noexcept
    {
        fields_.read_only = read_only ? 1 : 0;
        return *this;
    }

    /** Passes that it takes to read the counters; 0: they cannot be read. */
    Capabilities &counter_passes(std::uint32_t passes) noexcept
    {
        fields_.counter_passes = passes;
        return *this;
    }

    /** Span that one power reading averages over. */
    Capabilities &sensor_lag(Nanoseconds lag) noexcept
    {
        fields_.sensor_lag_ns = detail::count(lag);
        return *this;
    }

    /** How long after an accepted clock command the new clock is certainly in force. */
    Capabilities &settle_time(Nanoseconds settle) noexcept
    {
        fields_.settle_time_ns = detail::count(settle);
        return *this;
    }

private:
    friend class Optimizer;

    std::vector<std::pair<std::uint32_t, std::vector<std::uint32_t>>> lists_;
    gpoeo_capabilities fields_;
};

/** A gpoeo_sample that sets its own flags. */
struct Sample : gpoeo_sample {
    Sample(Nanoseconds time, double power) noexcept : gpoeo_sample()
    {
        time_ns = detail::count(time);
        power_w = power;
    }

    /** The running energy counter, J. */
    Sample &energy(double joules) noexcept
    {
        energy_j = joules;
        known |= GPOEO_SAMPLE_ENERGY;
        return *this;
    }

    /** Share of time with a kernel on the SMs, 0..1. */
    Sample &sm_utilisation(float share) noexcept
    {
        sm_util = share;
        known |= GPOEO_SAMPLE_SM_UTIL;
        return *this;
    }

    /** Share of time with the memory controller busy, 0..1. */
    Sample &mem_utilisation(float share) noexcept
    {
        mem_util = share;
        known |= GPOEO_SAMPLE_MEM_UTIL;
        return *this;
    }

    /** SM clock in force, MHz. */
    Sample &sm_clock(std::uint32_t mhz) noexcept
    {
        sm_mhz = mhz;
        known |= GPOEO_SAMPLE_SM_CLOCK;
        return *this;
    }

    /** Memory clock in force, MHz. */
    Sample &mem_clock(std::uint32_t mhz) noexcept
    {
        mem_mhz = mhz;
        known |= GPOEO_SAMPLE_MEM_CLOCK;
        return *this;
    }
};

/**
 * The machine for one GPU.
 *
 * Its destructor frees it and cannot put clocks back: stop(), and go on with the loop until is_stopped(). One that was
 * moved from may only be destroyed or assigned to; every call throws Error(GPOEO_STATUS_NULL_POINTER).
 */
class Optimizer {
public:
    Optimizer(const gpoeo_config &config, const Capabilities &capabilities)
    {
        std::vector<gpoeo_memory_clock> memory;
        for (const auto &[mem_mhz, sm_mhz] : capabilities.lists_)
            memory.push_back({mem_mhz, sm_mhz.data(), sm_mhz.size()});
        gpoeo_capabilities fields = capabilities.fields_;
        fields.memory = memory.data();
        fields.memory_count = memory.size();
        detail::Message message;
        gpoeo_optimizer *handle = nullptr;
        message.check(gpoeo_optimizer_new(&config, sizeof config, &fields, sizeof fields, &handle, message.text,
                                          sizeof message.text));
        handle_.reset(handle);
    }

    /** Starts the search from the trained models in a folder, if they are for this GPU (NVML's name; empty: not known; the
     * power limit in W; 0: not known). Before the first input. */
    void load_models(const std::string &folder, const std::string &gpu_name = "", double power_limit_w = 0.0)
    {
        const char *name = gpu_name.empty() ? nullptr : gpu_name.c_str();
        check(gpoeo_optimizer_load_models(get(), folder.c_str(), name, power_limit_w));
    }

    /** Feeds one sample; its time must be later than that of the sample before. */
    void handle_sample(const gpoeo_sample &sample)
    {
        check(gpoeo_optimizer_handle_sample(get(), &sample, sizeof sample));
    }

    /** Feeds samples, oldest first. One that is refused ends it; those before it were fed. */
    void handle_samples(const gpoeo_sample *samples, std::size_t count)
    {
        check(gpoeo_optimizer_handle_samples(get(), samples, count, sizeof *samples, nullptr));
    }

    /** See handle_samples(const gpoeo_sample *, std::size_t). */
    void handle_samples(const std::vector<gpoeo_sample> &samples) { handle_samples(samples.data(), samples.size()); }

    /** Feeds the counters of a window: before CLOSE_COUNTERS is answered. */
    void handle_counters(const gpoeo_counters &counters)
    {
        check(gpoeo_optimizer_handle_counters(get(), &counters, sizeof counters));
    }

    /** An action was carried out. False: the machine has given it up meanwhile. */
    bool handle_applied(std::uint64_t id, Nanoseconds now)
    {
        return is_open(gpoeo_optimizer_handle_applied(get(), id, detail::count(now)));
    }

    /** An action failed. False: the machine has given it up meanwhile. */
    bool handle_failed(std::uint64_t id, gpoeo_fault fault, Nanoseconds now)
    {
        return is_open(gpoeo_optimizer_handle_failed(get(), id, fault, detail::count(now)));
    }

    /** The device failed outside an action, for example when it was read. */
    void handle_fault(gpoeo_fault fault, Nanoseconds now)
    {
        check(gpoeo_optimizer_handle_fault(get(), fault, detail::count(now)));
    }

    /** Time has passed. */
    void handle_timeout(Nanoseconds now) { check(gpoeo_optimizer_handle_timeout(get(), detail::count(now))); }

    /** An iteration of the job has ended. */
    void handle_mark(Nanoseconds time) { check(gpoeo_optimizer_handle_mark(get(), detail::count(time))); }

    /** From now on another objective; `limit` is its largest slowdown or smallest saving, if it has one. */
    void set_objective(gpoeo_objective objective, double limit, Nanoseconds now)
    {
        check(gpoeo_optimizer_set_objective(get(), objective, limit, detail::count(now)));
    }

    /** Asks for the clocks to be put back; done when is_stopped(). */
    void stop(Nanoseconds now) { check(gpoeo_optimizer_stop(get(), detail::count(now))); }

    /** The next action to carry out and to answer once. */
    std::optional<gpoeo_action> poll_action()
    {
        gpoeo_action action;
        return given(gpoeo_optimizer_poll_action(get(), &action, sizeof action), action);
    }

    /** The next event. */
    std::optional<gpoeo_event> poll_event()
    {
        gpoeo_event event;
        return given(gpoeo_optimizer_poll_event(get(), &event, sizeof event), event);
    }

    /** When handle_timeout() is due at the latest; nothing only when stopped. */
    std::optional<Nanoseconds> poll_timeout() const
    {
        std::uint64_t deadline_ns = 0;
        gpoeo_status status = gpoeo_optimizer_poll_timeout(get(), &deadline_ns);
        return given(status, Nanoseconds(static_cast<std::int64_t>(deadline_ns)));
    }

    /** What the machine is doing. */
    gpoeo_phase phase() const
    {
        gpoeo_phase phase = GPOEO_PHASE_OTHER;
        check(gpoeo_optimizer_phase(get(), &phase));
        return phase;
    }

    /** Whether the machine has finished. */
    bool is_stopped() const noexcept { return gpoeo_optimizer_is_stopped(get()); }

    /** Whether a lock of ours may be in force: who gives the machine up must then put the clocks back. */
    bool may_hold_clocks() const noexcept { return gpoeo_optimizer_may_hold_clocks(get()); }

    /** The account of the run so far; trials() gives its settings. */
    gpoeo_report report()
    {
        gpoeo_report report;
        check(gpoeo_optimizer_report(get(), &report, sizeof report));
        return report;
    }

    /** The settings that were tried so far: the measured ones in the order of their first trial, then those that failed. */
    std::vector<gpoeo_trial> trials()
    {
        std::vector<gpoeo_trial> trials(static_cast<std::size_t>(report().trial_count));
        for (std::size_t i = 0; i < trials.size(); i++)
            check(gpoeo_optimizer_trial(get(), i, &trials[i], sizeof trials[i]));
        return trials;
    }

    /** What every setting of the default memory clock costs, ascending; empty before the baseline. */
    std::vector<gpoeo_setting_cost> costs() const
    {
        std::vector<gpoeo_setting_cost> costs(256);
        std::size_t count = 0;
        do {
            costs.resize(std::max(costs.size(), count));
            check(gpoeo_optimizer_costs(get(), costs.data(), costs.size(), sizeof costs[0], &count));
        } while (count > costs.size());
        costs.resize(count);
        return costs;
    }

    /** The handle, still owned by this. */
    gpoeo_optimizer *get() const noexcept { return handle_.get(); }

private:
    struct Free {
        void operator()(gpoeo_optimizer *handle) const noexcept { gpoeo_optimizer_free(handle); }
    };

    void check(gpoeo_status status) const
    {
        if (detail::is_failure(status))
            throw Error(status, detail::last_error<gpoeo_optimizer>(get(), gpoeo_optimizer_last_error));
    }

    bool is_open(gpoeo_status status) const
    {
        if (status == GPOEO_STATUS_UNKNOWN_ACTION)
            return false;
        check(status);
        return true;
    }

    template <typename T>
    std::optional<T> given(gpoeo_status status, const T &value) const
    {
        check(status);
        return status == GPOEO_STATUS_OK ? std::optional<T>(value) : std::nullopt;
    }

    std::unique_ptr<gpoeo_optimizer, Free> handle_;
};

#ifdef GPOEO_SIM

/** A simulated GPU with one job on it. Its time stands still but for sleep_until(). */
class Sim {
public:
    Sim(const std::string &workload, std::uint64_t seed, Nanoseconds length)
    {
        detail::Message message;
        gpoeo_sim *handle = nullptr;
        message.check(gpoeo_sim_new(workload.c_str(), seed, detail::count(length), &handle, message.text,
                                    sizeof message.text));
        handle_.reset(handle);
    }

    /** What the GPU offers. */
    Capabilities capabilities() const
    {
        gpoeo_capabilities capabilities;
        check(gpoeo_sim_capabilities(get(), &capabilities, sizeof capabilities));
        return Capabilities(capabilities);
    }

    /** The time. */
    Nanoseconds now() const
    {
        std::uint64_t now_ns = 0;
        check(gpoeo_sim_now(get(), &now_ns));
        return Nanoseconds(static_cast<std::int64_t>(now_ns));
    }

    /** Lets time pass. */
    void sleep_until(Nanoseconds deadline) { check(gpoeo_sim_sleep_until(get(), detail::count(deadline))); }

    /** Whether the time has run out. */
    bool is_over() const noexcept { return gpoeo_sim_is_over(get()); }

    /** All samples that are new, oldest first. */
    std::vector<gpoeo_sample> read_samples()
    {
        std::vector<gpoeo_sample> samples;
        std::size_t count = 0;
        do {
            const std::size_t had = samples.size();
            samples.resize(had + 64);
            check(gpoeo_sim_read_samples(get(), samples.data() + had, 64, sizeof samples[0], &count));
            samples.resize(had + count);
        } while (count == 64);
        return samples;
    }

    /** Locks the clocks. */
    void set_clocks(gpoeo_clocks clocks) { check(gpoeo_sim_set_clocks(get(), clocks)); }

    /** Puts the clocks back. */
    void restore_clocks() { check(gpoeo_sim_restore_clocks(get())); }

    /** Starts reading the counters of a pass. */
    void open_counters(std::uint32_t pass) { check(gpoeo_sim_open_counters(get(), pass)); }

    /** Stops reading counters and gives what was counted. */
    gpoeo_counters close_counters()
    {
        gpoeo_counters counters;
        check(gpoeo_sim_close_counters(get(), &counters, sizeof counters));
        return counters;
    }

    /** Samples come at this interval from now on. */
    void set_sample_interval(Nanoseconds interval)
    {
        check(gpoeo_sim_set_sample_interval(get(), detail::count(interval)));
    }

    /** What the job has really cost so far. */
    gpoeo_sim_account account() const
    {
        gpoeo_sim_account account;
        check(gpoeo_sim_get_account(get(), &account, sizeof account));
        return account;
    }

    /** The handle, still owned by this. */
    gpoeo_sim *get() const noexcept { return handle_.get(); }

private:
    struct Free {
        void operator()(gpoeo_sim *handle) const noexcept { gpoeo_sim_free(handle); }
    };

    void check(gpoeo_status status) const
    {
        if (detail::is_failure(status))
            throw Error(status, detail::last_error<gpoeo_sim>(get(), gpoeo_sim_last_error));
    }

    std::unique_ptr<gpoeo_sim, Free> handle_;
};

#endif // GPOEO_SIM

} // namespace gpoeo

#endif // GPOEO_HPP
