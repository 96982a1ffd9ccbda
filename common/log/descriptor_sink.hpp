#pragma once

#include <spdlog/sinks/base_sink.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <string>

#include "common/files/shared_file.hpp"

namespace policyd::log {

/// Writes each line with one write(2) to stderr or to a file that it appends to.
///
/// A line that cannot be written is an exception, which the logger counts; likewise one that the
/// reader of a pipe, a socket or a terminal does not take within a second, and those after it until
/// it takes some again: who waits for the writer is not to wait for him. What was written of a line
/// by then stays a line of its own.
class DescriptorSink final : public spdlog::sinks::base_sink<std::mutex> {
public:
    /// Writes to stderr, which stays open.
    DescriptorSink();
    /// Appends to the file, making it (for whom its directory is) where there is none. Throws
    /// std::runtime_error.
    explicit DescriptorSink(std::string path);

    /// Makes it the owner of the file if this object made that; another is for who made it to give
    /// away. Throws std::system_error.
    void GiveTo(uid_t user, gid_t group) const;

    /// Before the next line the file is opened again under its name. Any thread; does not wait.
    void ReopenBeforeNextLine() noexcept { reopen_ = true; }

protected:
    void sink_it_(const spdlog::details::log_msg& message) override;
    void flush_() override {}

private:
    void Write(const spdlog::details::log_msg& message);
    void WriteAll(const char* bytes, std::size_t size);
    void AwaitReader();
    int Output() const noexcept { return opened_.file ? opened_.file.Get() : STDERR_FILENO; }
    void Reopen(spdlog::details::log_msg message);

    const std::string path_;    // empty: stderr
    files::SharedFile opened_;  // none: stderr
    bool reader_hangs_ = false;
    bool is_cut_ = false;  // the last line: it could be written in part only
    std::atomic<bool> reopen_ = false;
};

}  // namespace policyd::log
