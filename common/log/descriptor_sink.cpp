#include "common/log/descriptor_sink.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>
#include <utility>

namespace policyd::log {
namespace {

files::SharedFile OpenForAppending(const std::string& path) {
    constexpr mode_t kMode = 0660;  // policyd-scan may log into the same file
    return files::OpenShared(path, O_WRONLY | O_APPEND, kMode);
}

}  // namespace

DescriptorSink::DescriptorSink() = default;

DescriptorSink::DescriptorSink(std::string path)
    : path_(std::move(path)), opened_(OpenForAppending(path_)) {}

void DescriptorSink::GiveTo(uid_t user, gid_t group) const {
    if (opened_.is_made && fchown(opened_.file.Get(), user, group) != 0)
        throw std::system_error(errno, std::generic_category(), path_);
}

void DescriptorSink::sink_it_(const spdlog::details::log_msg& message) {
    if (reopen_.exchange(false)) Reopen(message);
    Write(message);
}

void DescriptorSink::Write(const spdlog::details::log_msg& message) {
    spdlog::memory_buf_t line;
    if (is_cut_) line.push_back('\n');
    formatter_->format(message, line);
    WriteAll(line.data(), line.size());
}

void DescriptorSink::WriteAll(const char* bytes, std::size_t size) {
    while (size > 0) {
        AwaitReader();
        // What poll(2) promises room for in a pipe.
        const ssize_t written =
            write(Output(), bytes, std::min<std::size_t>(size, path_.empty() ? PIPE_BUF : size));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) throw std::system_error(errno, std::generic_category(), "log");
        bytes += written;
        size -= static_cast<std::size_t>(written);
        is_cut_ = size > 0;
    }
}

/// A file of its own takes what comes.
void DescriptorSink::AwaitReader() {
    if (!path_.empty()) return;
    constexpr int kPatience = 1'000;  // ms
    pollfd reader{Output(), POLLOUT, 0};
    reader_hangs_ = poll(&reader, 1, reader_hangs_ ? 0 : kPatience) == 0;
    if (reader_hangs_) throw std::system_error(ETIMEDOUT, std::generic_category(), "log");
}

/// Where that fails, what comes goes on into the file that is open, which may have another name by
/// now; what is said of it there is dated as `message`.
void DescriptorSink::Reopen(spdlog::details::log_msg message) {
    if (path_.empty()) return;
    try {
        opened_ = OpenForAppending(path_);
    } catch (const std::system_error& error) {
        const std::string failure = std::string("log: cannot be reopened: ") + error.what();
        message.level = spdlog::level::err;
        message.payload = failure;
        Write(message);
    }
}

}  // namespace policyd::log
