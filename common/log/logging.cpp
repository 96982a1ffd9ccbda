#include "common/log/logging.hpp"

#include <signal.h>
#include <spdlog/async_logger.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/sinks/systemd_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "common/async/detached_call.hpp"
#include "common/async/process.hpp"
#include "common/async/start_thread.hpp"
#include "common/log/descriptor_sink.hpp"

namespace policyd::log {
namespace {

constexpr std::string_view kStderr = "stderr";
constexpr const char* kLinePattern = "%Y-%m-%d %H:%M:%S.%e %n[%P] %l: %v";

std::atomic<std::uint64_t> lines_refused = 0;

using Sinks = std::vector<spdlog::sink_ptr>;

/// Where lines go: each to what was wanted last when the logging thread, which alone writes, comes
/// to it. Who wants another destination does not wait for the line that is just being written.
class LatestSinks final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
    /// Any thread.
    void Use(Sinks sinks) {
        const std::lock_guard lock(mutex_of_wanted_);
        wanted_ = std::move(sinks);
    }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override {
        TakeWanted();
        for (const spdlog::sink_ptr& sink : sinks_)
            if (sink->should_log(message.level)) sink->log(message);
    }
    void flush_() override {
        for (const spdlog::sink_ptr& sink : sinks_) sink->flush();
    }

private:
    void TakeWanted() {
        std::optional<Sinks> wanted;
        {
            const std::lock_guard lock(mutex_of_wanted_);
            wanted.swap(wanted_);
        }
        if (wanted) sinks_ = std::move(*wanted);
    }

    std::mutex mutex_of_wanted_;
    std::optional<Sinks> wanted_;  // guarded by mutex_of_wanted_; none since they were taken
    Sinks sinks_;                  // the logging thread's
};

/// The process's logger. The logger itself is made once and never replaced, because threads use
/// it without a lock; a reload changes the sinks behind `destination`.
struct Logging {
    std::shared_ptr<spdlog::details::thread_pool> writer;
    std::shared_ptr<LatestSinks> destination;
    std::shared_ptr<spdlog::async_logger> logger;
    std::shared_ptr<DescriptorSink> file;  // null unless lines go to a file
    std::string destination_name;
};

std::mutex mutex;
std::optional<Logging> logging;  // guarded by mutex

spdlog::level::level_enum ParseLevel(std::string_view level) {
    if (level == "debug") return spdlog::level::debug;
    if (level == "info") return spdlog::level::info;
    if (level == "warning") return spdlog::level::warn;
    if (level == "error") return spdlog::level::err;
    throw std::invalid_argument("debug, info, warning or error");
}

struct Destination {
    spdlog::sink_ptr sink;
    std::shared_ptr<DescriptorSink> file;
};

Destination OpenDestination(const std::string& program, const std::string& name) {
    constexpr std::string_view kFile = "file:";
    const bool journal = name == "journal" || (name == kStderr && StderrIsTheJournal());
    Destination opened;
    if (journal) {
        opened.sink = std::make_shared<spdlog::sinks::systemd_sink_mt>(program);
    } else if (name == kStderr) {
        opened.sink = std::make_shared<DescriptorSink>();
    } else if (name == "syslog") {
        opened.sink =
            std::make_shared<spdlog::sinks::syslog_sink_mt>(program, LOG_PID, LOG_MAIL, false);
    } else if (name.starts_with(kFile) && name.size() > kFile.size()) {
        opened.file = std::make_shared<DescriptorSink>(name.substr(kFile.size()));
        opened.sink = opened.file;
    } else {
        throw std::invalid_argument("stderr, syslog, journal or file:PATH");
    }
    opened.sink->set_pattern(kLinePattern);
    return opened;
}

spdlog::sink_ptr WarningsOnStderr(const std::string& program) {
    const spdlog::sink_ptr sink = OpenDestination(program, std::string(kStderr)).sink;
    sink->set_level(spdlog::level::warn);
    return sink;
}

Logging Start(const std::string& program, std::size_t most_waiting) {
    Logging started;
    started.writer = std::make_shared<spdlog::details::thread_pool>(
        most_waiting, 1, &async::LeaveSignalsToOtherThreads);
    started.destination = std::make_shared<LatestSinks>();
    started.logger =
        std::make_shared<spdlog::async_logger>(program, started.destination, started.writer,
                                               spdlog::async_overflow_policy::overrun_oldest);
    started.logger->set_error_handler([](const std::string&) { ++lines_refused; });
    spdlog::set_default_logger(started.logger);
    return started;
}

/// Runs what waits for who takes lines, and tells whether it has ended in a while. It goes on alone
/// otherwise: syslog, a journal or a file that is a pipe may take nothing any more, and who stops
/// is not to wait for them.
bool EndsInTime(const std::function<void()>& work) {
    constexpr std::chrono::seconds kPatience(2);
    const auto ended = std::make_shared<std::promise<void>>();
    const std::future<void> has_ended = ended->get_future();
    try {
        async::StartThread([counted = std::make_shared<const async::DetachedThread>(), work,
                            ended] {
            work();
            ended->set_value();
        }).detach();
    } catch (const std::system_error&) {
        work();
        return true;
    }
    return has_ended.wait_for(kPatience) != std::future_status::timeout;
}

}  // namespace

bool StderrIsTheJournal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    if (stream == nullptr || fstat(STDERR_FILENO, &status) != 0) return false;
    return stream == std::to_string(status.st_dev) + ':' + std::to_string(status.st_ino);
}

void SayOnStderr(std::string_view text) {
    static constexpr std::string_view kError = "<3>";  // sd-daemon(3)
    if (!StderrIsTheJournal()) {
        std::fwrite(text.data(), 1, text.size(), stderr);
        return;
    }
    std::string lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        lines.append(kError).append(text.substr(0, end));
        text.remove_prefix(end);
    }
    std::fwrite(lines.data(), 1, lines.size(), stderr);
}

void Configure(std::string_view program, const LogSettings& settings) {
    const auto change_over = PrepareConfigure(program, settings);
    {
        const std::lock_guard lock(mutex);
        if (!logging) logging = Start(std::string(program), settings.most_waiting);
    }
    change_over();
}

std::function<void()> PrepareConfigure(std::string_view program, const LogSettings& settings) {
    const spdlog::level::level_enum level = ParseLevel(settings.level);
    const Destination opened = OpenDestination(std::string(program), settings.destination);
    Sinks sinks{opened.sink};
    if (settings.warnings_on_stderr && settings.destination != kStderr)
        sinks.push_back(WarningsOnStderr(std::string(program)));
    return [level, sinks, file = opened.file, name = settings.destination] {
        const std::lock_guard lock(mutex);
        if (!logging) return;
        logging->logger->set_level(level);
        if (std::exchange(logging->destination_name, name) == name) return;
        logging->file = file;
        logging->destination->Use(sinks);
    };
}

void GiveFileTo(uid_t user, gid_t group) {
    const std::lock_guard lock(mutex);
    if (logging && logging->file) logging->file->GiveTo(user, group);
}

void Reopen() {
    {
        const std::lock_guard lock(mutex);
        if (!logging || !logging->file) return;
        logging->file->ReopenBeforeNextLine();
    }
    Info("log: asked to open the file again");  // which is done before this line
}

void Shutdown() {
    std::optional<Logging> ended;
    {
        const std::lock_guard lock(mutex);
        ended.swap(logging);
    }
    if (!ended) return;
    const auto plain =
        std::make_shared<spdlog::logger>(ended->logger->name(), std::make_shared<DescriptorSink>());
    plain->set_pattern(kLinePattern);
    plain->set_level(ended->logger->level());
    spdlog::set_default_logger(plain);
    const auto writing = std::make_shared<std::optional<Logging>>(std::move(ended));
    if (!EndsInTime([writing] { writing->reset(); }))
        Warning("log: the last lines are lost, for nobody takes them");
}

std::uint64_t LinesLost() {
    const std::lock_guard lock(mutex);
    const std::size_t overrun = logging ? logging->writer->overrun_counter() : 0;
    return lines_refused + overrun;
}

}  // namespace policyd::log
