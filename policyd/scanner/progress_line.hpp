#pragma once

#include <chrono>
#include <string>

#include "policyd/scanner/scanner.hpp"

namespace policyd::scanner {

/// Shows on a terminal how far a scan is, in one line that is written over.
class ProgressLine {
public:
    /// `is_shown` false: nothing is ever written.
    explicit ProgressLine(bool is_shown) : is_shown_(is_shown) {}

    /// At most a few times a second, however often it is called.
    void Show(const Scanner::Progress& progress);
    /// Before anything else is written, and where a scan has ended.
    void Clear();

    /// "1200 of 5000 mailboxes, 24 %, 310000 messages read, 402113 messages/s, 12 s left"
    static std::string Text(const Scanner::Progress& progress, std::chrono::duration<double> since);

private:
    using Clock = std::chrono::steady_clock;

    bool is_shown_;
    bool is_on_screen_ = false;
    Clock::time_point began_ = Clock::now();
    bool goes_on_ = true;
    Clock::time_point shown_{};
};

}  // namespace policyd::scanner
