#pragma once

#include <string>

#include "loadtest/load_run.hpp"

namespace policyd::loadtest {

/// Draws the run with gnuplot: PREFIX-latency.svg, latency by percentile on the scale that tells
/// 99 % from 99.99 %, and PREFIX-rate.svg, answers a second and latency over time. What was drawn
/// stays beside them, as PREFIX-latency.dat, PREFIX-rate.dat and PREFIX.gnuplot. Of a run without
/// an answer there is no latency to draw, of one that ended in the warm-up nothing at all. Throws
/// std::runtime_error if a file cannot be written or gnuplot does not run.
void Plot(const std::string& prefix, const Options& options, const Result& result);

}  // namespace policyd::loadtest
