#include "policyd/scanner/progress_line.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdio>
#include <utility>

namespace policyd::scanner {

void ProgressLine::Show(const Scanner::Progress& progress) {
    constexpr auto kEvery = std::chrono::milliseconds(250);
    const auto now = Clock::now();
    if (!is_shown_ || !progress.sweeping) return;
    if (!std::exchange(goes_on_, true)) began_ = now;
    if (now - shown_ < kEvery) return;
    shown_ = now;
    is_on_screen_ = true;
    std::fprintf(stderr, "\r\033[K%s", Text(progress, now - began_).c_str());
    std::fflush(stderr);
}

void ProgressLine::Clear() {
    if (is_on_screen_) std::fputs("\r\033[K", stderr);
    is_on_screen_ = false;
    goes_on_ = false;
}

std::string ProgressLine::Text(const Scanner::Progress& progress,
                               std::chrono::duration<double> since) {
    const double seconds = std::max(since.count(), 0.001);
    const double done = progress.mailboxes == 0 ? 0.0
                                                : static_cast<double>(progress.measured) /
                                                      static_cast<double>(progress.mailboxes);
    std::string text =
        fmt::format("{} of {} mailboxes, {:.0f} %, {} messages read, {:.0f} messages/s",
                    progress.measured, progress.mailboxes, done * 100, progress.work.messages_read,
                    static_cast<double>(progress.work.messages_read) / seconds);
    if (done > 0.01) text += fmt::format(", {:.0f} s left", seconds * (1 - done) / done);
    return text;
}

}  // namespace policyd::scanner
