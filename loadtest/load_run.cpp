#include "loadtest/load_run.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "common/async/blocking_call.hpp"
#include "common/async/sleep.hpp"
#include "loadtest/scenario_list.hpp"
#include "loadtest/server_connection.hpp"

namespace policyd::loadtest {

namespace {

constexpr std::chrono::milliseconds kCheckTimeEvery{100};
/// As many connections are opened at one time: a small listen queue overflows otherwise.
constexpr std::size_t kOpeners = 64;
/// Before a client whose connection failed tries again.
constexpr std::chrono::milliseconds kBackOff{100};
/// What is left of the last second counts for the second before if it is less than this: its own
/// rate would mean little.
constexpr double kShortestInterval = 0.5;

const Scenario& ScenarioNamed(const std::string& name) {
    const Scenario* scenario = FindScenario(name);
    if (scenario == nullptr) throw std::runtime_error("there is no scenario " + name);
    return *scenario;
}

double SecondsBetween(Time from, Time to) {
    return std::chrono::duration<double>(to - from).count();
}

std::chrono::milliseconds Milliseconds(double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

}  // namespace

LoadRun::LoadRun(const Options& options)
    : options_(options),
      scenario_(ScenarioNamed(options.scenario)),
      population_(options),
      rate_(loop_.Raw(), scenario_.arrivals(options_), options.requests),
      over_(loop_.Raw(), [this] { Stop(); }) {
    const Setting setting{loop_.Raw(), options_, population_,
                          Resolved(async::ParseEndpoint(options.*scenario_.server))};
    Random seeds(options.seed);
    for (std::uint64_t i = 0; i < options.connections; ++i)
        clients_.push_back(scenario_.new_client(setting, seeds()));
    result_.is_open_loop = scenario_.arrivals(options_) != nullptr;
}

LoadRun::~LoadRun() = default;

const Result& LoadRun::Run() {
    UsageOf(options_.server_pids);  // throws now rather than in the middle
    const async::Periodic check_time(loop_.Raw(), kCheckTimeEvery, [this] { CheckTimes(); });
    OpenAll();

    PreciseTimer warm(loop_.Raw(), [this] { Start(BeginMeasuring()); });
    if (options_.warm_up_s > 0) {
        warm.Set(std::chrono::steady_clock::now() + Milliseconds(options_.warm_up_s));
    } else {
        loop_.RunUntilDone(BeginMeasuring());
    }
    rate_.Start();
    working_ = clients_.size();
    for (const auto& client : clients_) Start(Drive(*client));
    while ((working_ > 0 || reads_usage_) && !escaped_) loop_.RunOnce();
    if (escaped_) std::rethrow_exception(escaped_);
    // A number of requests takes until the last of them is answered.
    if (is_warm_ && !is_over_) loop_.RunUntilDone(EndMeasuring());
    result_.overdue = rate_.Overdue();
    return result_;
}

void LoadRun::Stop() {
    is_stopped_ = true;
    // Not until the last answer is here: one that takes long would make all others look slow.
    if (is_warm_ && !is_over_) Start(EndMeasuring());
    rate_.Stop();
}

void LoadRun::Start(async::Task<> task) {
    async::Spawn(std::move(task), [this](std::exception_ptr failure) { escaped_ = failure; });
}

void LoadRun::CheckTimes() {
    // Nobody waits for a connection that nothing will be sent over.
    const bool gives_up = is_stopped_ && is_opening_;
    const Time now = gives_up ? Time::max() : std::chrono::steady_clock::now();
    for (const auto& client : clients_) client->CheckTime(now);
}

void LoadRun::OpenAll() {
    std::size_t next = 0;
    std::size_t unfinished = std::min(kOpeners, clients_.size());
    for (std::size_t i = unfinished; i > 0; --i) Start(OpenSome(next, unfinished));
    is_opening_ = true;
    while (unfinished > 0 && !escaped_) loop_.RunOnce();
    is_opening_ = false;
    if (escaped_) std::rethrow_exception(escaped_);
    if (result_.connected == 0 && !is_stopped_)
        throw NoAnswer(options_.*scenario_.server + ": " + last_failure_);
}

async::Task<> LoadRun::OpenSome(std::size_t& next, std::size_t& unfinished) {
    while (next < clients_.size() && !is_stopped_) {
        Client& client = *clients_[next++];
        try {
            co_await client.Open();
            ++result_.connected;
        } catch (const NoAnswer& failure) {
            last_failure_ = failure.what();
        }
    }
    --unfinished;
}

async::Task<> LoadRun::Drive(Client& client) {
    for (;;) {
        const std::optional<Time> due = co_await rate_.Next();
        if (!due) break;
        const Outcome outcome = co_await client.Work();
        CountOutcome(outcome, *due);
        if (outcome.fault == Outcome::Fault::kNoAnswer) {
            async::Sleep back_off(loop_.Raw(), kBackOff);
            co_await back_off;
        }
    }
    client.Close();
    --working_;
}

/// What was due in the warm-up and is answered only now takes its share of the time and of the
/// server, too.
void LoadRun::CountOutcome(const Outcome& outcome, Time due) {
    const Time now = std::chrono::steady_clock::now();
    result_.tally.Count(outcome, now - due, is_warm_);
    if (is_over_ && outcome.fault != Outcome::Fault::kNoAnswer)
        result_.last_answer_s = SecondsBetween(measured_until_, now);
}

/// Reads the server's usage on another thread: it takes milliseconds, which would be seen.
async::Task<> LoadRun::BeginMeasuring() {
    reads_usage_ = true;
    async::BlockingCall usage(loop_.Raw(), [pids = options_.server_pids] { return UsageOf(pids); });
    try {
        result_.server_before = co_await usage;
    } catch (const std::runtime_error& gone) {
        result_.server_gone = gone.what();
    }
    result_.machine_before = UsageOfMachine();
    measured_from_ = interval_from_ = std::chrono::steady_clock::now();
    is_warm_ = true;
    reads_usage_ = false;
    if (options_.requests == 0) over_.Set(measured_from_ + Milliseconds(options_.duration_s));
    each_second_.emplace(loop_.Raw(), std::chrono::seconds(1), [this] { EndInterval(); });
}

async::Task<> LoadRun::EndMeasuring() {
    reads_usage_ = true;
    is_over_ = true;
    measured_until_ = std::chrono::steady_clock::now();
    result_.measured_s = SecondsBetween(measured_from_, measured_until_);
    each_second_.reset();
    const double rest = SecondsBetween(interval_from_, measured_until_);
    if (rest >= kShortestInterval || result_.tally.Intervals().empty()) {
        result_.tally.EndInterval(rest);
    } else {
        result_.tally.ExtendInterval(rest);
    }
    result_.tally.End();
    async::BlockingCall usage(loop_.Raw(), [pids = options_.server_pids] { return UsageOf(pids); });
    try {
        if (result_.server_gone.empty()) result_.server_after = co_await usage;
    } catch (const std::runtime_error& gone) {
        result_.server_before = {};
        result_.server_gone = gone.what();
    }
    result_.machine_after = UsageOfMachine();
    reads_usage_ = false;
}

void LoadRun::EndInterval() {
    const Time now = std::chrono::steady_clock::now();
    result_.tally.EndInterval(SecondsBetween(interval_from_, now));
    interval_from_ = now;
    if (on_interval_) on_interval_(result_.tally);
}

}  // namespace policyd::loadtest
