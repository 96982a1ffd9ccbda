#pragma once

#include <gtest/gtest.h>

#include "policyd/scanner/scanner.hpp"
#include "tests/support/mail_store.hpp"
#include "tests/support/recording_usage_store.hpp"

namespace policyd::scanner {

namespace fs = std::filesystem;

/// A scanner that has a mail store, and a usage store that records.
class ScannerTest : public testing::Test {
protected:
    ScannerTest() {
        options_.root = store_.Root();
        options_.threads = 2;
        options_.clock = [] { return CoarseFileClock() + 3'600'000'000'000; };
    }

    ScanReport Sweep(Thoroughness thoroughness = Thoroughness::kWhatChanged) {
        async::EventLoop loop;
        ScanState saved = std::exchange(state_, {});
        Scanner scanner(loop, usage_, state_, options_);
        state_ = std::move(saved);  // as it is read from its file: there was a scanner before
        return loop.RunUntilDone(scanner.Sweep(thoroughness));
    }

    std::uint64_t BytesOf(const std::string& mailbox) const {
        return usage_.figures.at(mailbox).bytes;
    }

    test::MailStore store_;
    test::RecordingUsageStore usage_;
    ScanState state_;
    ScannerOptions options_;
};

}  // namespace policyd::scanner
