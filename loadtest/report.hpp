#pragma once

#include <string>

#include "loadtest/load_run.hpp"

namespace policyd::loadtest {

/// True if every request was answered, and every answer right.
bool AllRight(const Result& result);

/// The summary that people read.
std::string Summary(const Options& options, const Result& result);

/// All that was measured, as JSON. Latencies are in microseconds, sizes in bytes.
std::string JsonReport(const Options& options, const Result& result);

/// One line about the last interval, without a line end.
std::string ProgressLine(const Tally& tally);

}  // namespace policyd::loadtest
