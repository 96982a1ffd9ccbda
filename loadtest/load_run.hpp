#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/async/event_loop.hpp"
#include "common/async/periodic.hpp"
#include "loadtest/options.hpp"
#include "loadtest/population.hpp"
#include "loadtest/precise_timer.hpp"
#include "loadtest/process_usage.hpp"
#include "loadtest/rate_control.hpp"
#include "loadtest/scenario.hpp"
#include "loadtest/tally.hpp"

namespace policyd::loadtest {

/// What a run brought.
struct Result {
    Tally tally;
    double measured_s = 0;
    double last_answer_s = 0;  ///< of those that came after the measured time, how long after it
    bool is_open_loop = false;
    std::uint64_t connected = 0;  ///< connections that stood before the run began
    std::uint64_t overdue = 0;   ///< requests that were due and never sent: the server was too slow
    ProcessUsage server_before;  ///< at the beginning of the measured time, if pids were given
    ProcessUsage server_after;
    std::string server_gone{};  ///< why there is no usage of the server, if it ended meanwhile
    MachineUsage machine_before;
    MachineUsage machine_after;
};

/// One run of one scenario: opens all connections, lets every client work when the rate control
/// says so, and counts what comes of it. On one thread.
class LoadRun {
public:
    /// Throws std::runtime_error if a list of names cannot be read or the server is unknown.
    explicit LoadRun(const Options& options);
    ~LoadRun();
    LoadRun(const LoadRun&) = delete;
    LoadRun& operator=(const LoadRun&) = delete;

    /// Called every second of the measured time, after its interval was counted.
    void OnInterval(std::function<void(const Tally&)> function) { on_interval_ = function; }

    /// Throws NoAnswer if not one connection could be opened.
    const Result& Run();
    /// Ends Run() before its time, with what there is: nothing more is sent, and what has been sent
    /// is waited for. From the run's own thread, or a signal watched on Loop().
    void Stop();

    async::EventLoop& Loop() noexcept { return loop_; }
    const Population& People() const noexcept { return population_; }

private:
    async::Task<> OpenSome(std::size_t& next, std::size_t& unfinished);
    void OpenAll();
    async::Task<> Drive(Client& client);
    void Start(async::Task<> task);
    void CheckTimes();
    async::Task<> BeginMeasuring();
    async::Task<> EndMeasuring();
    void EndInterval();
    void CountOutcome(const Outcome& outcome, Time due);

    const Options options_;
    const Scenario& scenario_;
    async::EventLoop loop_;
    Population population_;
    RateControl rate_;
    PreciseTimer over_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::function<void(const Tally&)> on_interval_;
    std::string last_failure_;    // of a connection that could not be opened
    std::exception_ptr escaped_;  // what no client should have thrown
    std::uint64_t working_ = 0;
    bool is_opening_ = false;
    bool is_stopped_ = false;
    bool reads_usage_ = false;  // of the server
    bool is_warm_ = false;      // the measured time has begun
    bool is_over_ = false;      // and ended
    Time measured_from_{};
    Time measured_until_{};
    Time interval_from_{};
    std::optional<async::Periodic> each_second_;  // of the measured time
    Result result_;
};

}  // namespace policyd::loadtest
