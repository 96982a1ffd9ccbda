#include "common/metrics/series.hpp"

#include <algorithm>
#include <map>
#include <mutex>

namespace policyd::metrics {
namespace {

using Key = std::pair<Metric, Labels>;

struct CellRange {
    std::size_t first = 0;
    std::size_t count = 0;
};

struct Source {
    Key key;
    std::function<double()> value;
};

struct AllSeries {
    std::mutex mutex;
    std::map<Key, CellRange> counted;                     // guarded by mutex
    std::map<Key, std::size_t> holders;                   // guarded by mutex
    std::map<std::uint64_t, Source> sources;              // guarded by mutex
    std::map<Metric, std::atomic<std::int64_t>> largest;  // entries guarded by mutex
    std::uint64_t last_id = 0;                            // guarded by mutex
};

/// Never destroyed: threads may count after main has returned.
AllSeries& All() {
    static auto* const all = new AllSeries;
    return *all;
}

}  // namespace

Counter::Counter(Metric metric, const Labels& labels) : cell_(CellsOf(metric, labels, 1)) {}

Gauge::Gauge(Metric metric, const Labels& labels) : cell_(CellsOf(metric, labels, 1)) {}

Counter CounterFamily::With(std::initializer_list<std::string_view> labels) {
    for (const auto& [known, counter] : counters_)
        if (std::equal(known.begin(), known.end(), labels.begin(), labels.end())) return counter;
    const Labels owned(labels.begin(), labels.end());
    return counters_.emplace_back(owned, Counter(metric_, owned)).second;
}

Largest::Largest(Metric metric) {
    const std::lock_guard lock(All().mutex);
    number_ = &All().largest[metric];
}

void Largest::Note(std::int64_t number) const {
    std::int64_t known = number_->load(std::memory_order_relaxed);
    while (known < number && !number_->compare_exchange_weak(known, number)) {
    }
}

Observed::Observed(Metric metric, Labels labels, std::function<double()> value) {
    const std::lock_guard lock(All().mutex);
    id_ = ++All().last_id;
    All().sources.emplace(id_, Source{{metric, std::move(labels)}, std::move(value)});
}

Observed::~Observed() {
    const std::lock_guard lock(All().mutex);
    All().sources.erase(id_);
}

Hold::Hold(std::vector<Metric> metrics, Labels labels)
    : metrics_(std::move(metrics)), labels_(std::move(labels)) {
    const std::lock_guard lock(All().mutex);
    for (const Metric metric : metrics_) ++All().holders[{metric, labels_}];
}

Hold::~Hold() {
    const std::lock_guard lock(All().mutex);
    for (const Metric metric : metrics_) {
        const auto held = All().holders.find({metric, labels_});
        if (--held->second > 0) continue;
        All().holders.erase(held);
        const auto counted = All().counted.find({metric, labels_});
        if (counted == All().counted.end()) continue;
        cells::GiveBack(counted->second.first, counted->second.count);
        All().counted.erase(counted);
    }
}

bool Hold::AreShown() const {
    const std::lock_guard lock(All().mutex);
    return std::all_of(metrics_.begin(), metrics_.end(), [this](Metric metric) {
        const auto counted = All().counted.find({metric, labels_});
        return counted == All().counted.end() || counted->second.first != cells::kMostShown;
    });
}

std::vector<Sample> Samples(Metric metric) {
    std::map<Labels, std::vector<double>> found;
    const std::lock_guard lock(All().mutex);
    for (auto entry = All().counted.lower_bound({metric, {}});
         entry != All().counted.end() && entry->first.first == metric; ++entry) {
        if (entry->second.first == cells::kMostShown) continue;
        std::vector<double>& values = found[entry->first.second];
        for (std::size_t i = 0; i < entry->second.count; ++i)
            values.push_back(static_cast<double>(cells::Sum(entry->second.first + i)));
    }
    for (const auto& [id, source] : All().sources) {
        if (source.key.first != metric) continue;
        std::vector<double>& values = found[source.key.second];
        if (values.empty()) values.push_back(0);
        values.front() += source.value();
    }
    const auto largest = All().largest.find(metric);
    if (largest != All().largest.end()) found[{}] = {static_cast<double>(largest->second.load())};
    std::vector<Sample> samples;
    for (auto& [labels, values] : found) samples.push_back({labels, std::move(values)});
    return samples;
}

double Value(Metric metric, const Labels& labels) {
    for (const Sample& sample : Samples(metric))
        if (sample.labels == labels) return sample.values.front();
    return 0;
}

std::size_t CellsOf(Metric metric, const Labels& labels, std::size_t count) {
    const std::lock_guard lock(All().mutex);
    const auto [entry, is_new] = All().counted.try_emplace({metric, labels});
    if (is_new) entry->second = {cells::Allocate(count), count};
    return entry->second.first;
}

}  // namespace policyd::metrics
