#include "policyd/services/command_runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "common/async/start_thread.hpp"
#include "common/log/logging.hpp"
#include "common/metrics/series.hpp"
#include "common/text/utf8.hpp"

extern char** environ;

namespace policyd::services {

namespace {

void Count(const char* result) {
    metrics::Counter(metrics::Metric::kQuotaWarningCommands, {result}).Add();
}

int OpenStopEvent() {
    const int event = eventfd(0, EFD_CLOEXEC);
    if (event < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return event;
}

/// Starts a program in a process group of its own, with nothing of ours but the environment.
/// Returns an error number, or 0.
int Spawn(const std::vector<std::string>& words, pid_t& child) {
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    for (const int ignored : {SIGPIPE, SIGXFSZ}) sigaddset(&signals, ignored);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    const int error =
        posix_spawn(&child, arguments.front(), &files, &attributes, arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/// Also of what is no child any more: the kernel tells nobody of it where SIGCHLD is ignored.
bool HasEnded(pid_t child) {
    siginfo_t ended{};
    constexpr int kOnlyLook = WEXITED | WNOHANG | WNOWAIT;
    if (waitid(P_PID, static_cast<id_t>(child), &ended, kOnlyLook) != 0) return errno == ECHILD;
    return ended.si_pid == child;
}

}  // namespace

CommandRunner::CommandRunner(std::size_t most_waiting)
    : most_waiting_(most_waiting), stop_event_(OpenStopEvent()) {
    for (const char* result : {"success", "failure", "timeout", "dropped"})
        metrics::Counter(metrics::Metric::kQuotaWarningCommands, {result});
}

CommandRunner::~CommandRunner() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    const std::uint64_t one = 1;
    while (write(stop_event_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    if (thread_.joinable()) thread_.join();
    close(stop_event_);
    Drop(waiting_.size());
}

void CommandRunner::Use(Command command) {
    std::size_t dropped = 0;
    {
        const std::lock_guard lock(mutex_);
        command_ = std::move(command);
        if (command_.program.empty()) {
            dropped = waiting_.size();
            waiting_.clear();
        }
    }
    changed_.notify_all();
    for (; dropped > 0; --dropped) Count("dropped");
}

void CommandRunner::Run(Wanted wanted) {
    const auto unfit =
        std::find_if_not(wanted.arguments.begin(), wanted.arguments.end(), &text::IsPrintable);
    const bool is_fit = unfit == wanted.arguments.end();
    {
        const std::lock_guard lock(mutex_);
        if (command_.program.empty()) return;
        if (is_fit && !stopping_ && waiting_.size() < most_waiting_) {
            waiting_.push_back(std::move(wanted));
            HaveThread();
            changed_.notify_all();
            return;
        }
    }
    if (!is_fit)
        log::Warning("command: not run for \"{}\", which is not printable",
                     text::EscapedForLog(*unfit));
    Count("dropped");
}

void CommandRunner::Tend() {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && !waiting_.empty()) HaveThread();
}

std::vector<CommandRunner::Wanted> CommandRunner::TakeWaiting(std::size_t most) {
    const std::lock_guard lock(mutex_);
    std::vector<Wanted> taken;
    for (; !waiting_.empty() && taken.size() < most; waiting_.pop_back())
        taken.push_back(std::move(waiting_.back()));
    return taken;
}

void CommandRunner::Drop(std::size_t count) {
    if (count == 0) return;
    log::Warning("command: {} runs that were waiting are dropped", count);
    for (; count > 0; --count) Count("dropped");
}

bool CommandRunner::HasWaiting() {
    const std::lock_guard lock(mutex_);
    return !waiting_.empty();
}

void CommandRunner::HaveThread() {
    if (thread_.joinable()) return;
    try {
        thread_ = async::StartThread([this] { Serve(); });
    } catch (const std::system_error& error) {
        if (!std::exchange(has_told_, true))
            log::Error("command: {}: what is to run waits until one can be", error.what());
    }
}

void CommandRunner::Serve() {
    using Clock = std::chrono::steady_clock;
    std::optional<Clock::time_point> started;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (stopping_) return;
        // The pause may be changed while it lasts.
        if (started && Clock::now() < *started + command_.pause) {
            changed_.wait_until(lock, *started + command_.pause);
            continue;
        }
        const Command command = command_;
        Arguments arguments = std::move(waiting_.front().arguments);
        waiting_.pop_front();
        started = Clock::now();
        lock.unlock();
        Execute(command, std::move(arguments));
        lock.lock();
    }
}

void CommandRunner::Execute(const Command& command, Arguments arguments) const {
    const std::string name = text::EscapedForLog(command.program);
    arguments.insert(arguments.begin(), command.program);
    pid_t child = -1;
    const int error = Spawn(arguments, child);
    if (error != 0) {
        log::Error("command: {} cannot be started: {}", name, std::strerror(error));
        return Count("failure");
    }
    const int process = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    const bool is_done = AwaitEnd(child, process, command.time_limit);
    if (process >= 0) close(process);
    if (!is_done) {
        log::Error("command: {} took longer than {} ms, and was killed", name,
                   command.time_limit.count());
        kill(-child, SIGKILL);
    }
    int status = 0;
    const pid_t ended = waitpid(child, &status, is_done ? WNOHANG : 0);
    if (!is_done) return Count("timeout");
    if (ended == 0) return;  // it goes on, we do not
    if (ended < 0) {
        log::Error("command: what became of {} cannot be told: {}", name, std::strerror(errno));
        return Count("failure");
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return Count("success");
    log::Error("command: {} failed, {} {}", name, WIFEXITED(status) ? "status" : "signal",
               WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
    Count("failure");
}

bool CommandRunner::AwaitEnd(pid_t child, int process, Milliseconds time_limit) const {
    constexpr Milliseconds kLookAgain{
        50};  // where there was no descriptor left to wait for it with
    const auto end = std::chrono::steady_clock::now() + time_limit;
    for (;;) {
        auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        if (process < 0) left = std::min(left, kLookAgain);
        pollfd watched[] = {{process, POLLIN, 0}, {stop_event_, POLLIN, 0}};
        if (poll(watched, 2, static_cast<int>(left.count())) > 0) return true;
        if (process < 0 && HasEnded(child)) return true;
    }
}

}  // namespace policyd::services
