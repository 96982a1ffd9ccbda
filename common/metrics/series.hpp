#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/metrics/cells.hpp"
#include "common/metrics/metrics.hpp"

namespace policyd::metrics {

/// The values of a metric's labels, in the order of their names in its definition.
using Labels = std::vector<std::string>;

/// A number that only grows. Making one takes a lock; adding to it costs next to nothing, on any
/// thread. Two with the same labels are the same number.
class Counter {
public:
    explicit Counter(Metric metric, const Labels& labels = {});
    void Add(std::uint64_t amount = 1) const {
        cells::Add(cell_, static_cast<std::int64_t>(amount));
    }

private:
    std::size_t cell_;
};

/// A number that goes up and down by what all threads do together.
class Gauge {
public:
    explicit Gauge(Metric metric, const Labels& labels = {});
    void Add(std::int64_t amount) const { cells::Add(cell_, amount); }

private:
    std::size_t cell_;
};

/// The counters of one metric by their labels, each made when it is first needed. Owned by one
/// thread, and meant for few counters: finding one costs a comparison with each.
class CounterFamily {
public:
    explicit CounterFamily(Metric metric) : metric_(metric) {}

    Counter With(std::initializer_list<std::string_view> labels);

private:
    Metric metric_;
    std::vector<std::pair<Labels, Counter>> counters_;
};

/// A number of which only the largest that was ever noted counts. Any thread.
class Largest {
public:
    explicit Largest(Metric metric);
    void Note(std::int64_t number) const;

private:
    std::atomic<std::int64_t>* number_;
};

/// A number that is asked for when somebody wants to see it, for as long as this object lives. The
/// function is called by any thread, under the lock of all series: it must make no new series, and
/// take no lock under which somebody makes one. Several with the same labels are added up.
class Observed {
public:
    Observed(Metric metric, Labels labels, std::function<double()> value);
    ~Observed();
    Observed(const Observed&) = delete;
    Observed& operator=(const Observed&) = delete;

private:
    std::uint64_t id_;
};

/// Keeps the series of something that may go, such as a server that the configuration names no
/// more: they end, and give way to others, with the last of those who hold them. Outlives what adds
/// to them. Any thread.
class Hold {
public:
    Hold(std::vector<Metric> metrics, Labels labels);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

    /// False where there is no room for some: they are not shown.
    bool AreShown() const;

private:
    const std::vector<Metric> metrics_;
    const Labels labels_;
};

/// One series as it is now: for a histogram its cells, otherwise one value.
struct Sample {
    Labels labels;
    std::vector<double> values;
};

/// All series of a metric for which there is room, sorted by their labels.
std::vector<Sample> Samples(Metric metric);

/// The value of one series of a counter or gauge; 0 if there is none.
double Value(Metric metric, const Labels& labels = {});

/// The first cell of a series, which is made with `count` cells if it is new.
std::size_t CellsOf(Metric metric, const Labels& labels, std::size_t count);

}  // namespace policyd::metrics
