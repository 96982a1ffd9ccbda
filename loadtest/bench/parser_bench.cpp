#include <benchmark/benchmark.h>

#include "common/protocol/request_parser.hpp"
#include "common/text/fold_case.hpp"
#include "loadtest/bench/benchmarks.hpp"

namespace policyd::bench {

void AddParserBenchmarks(const Registry& registry) {
    registry.Add("parser/request", [] {
        return [request = RequestFor(Site::Address(7))] {
            protocol::RequestParser parser;
            benchmark::DoNotOptimize(parser.Parse(request));
        };
    });
    registry.Add("parser/half_request", [] {
        std::string half = RequestFor(Site::Address(7));
        half.resize(half.size() / 2);
        return [half] {
            protocol::RequestParser parser;
            benchmark::DoNotOptimize(parser.Parse(half));
        };
    });
    registry.Add("text/fold_ascii", [] {
        return [address = Site::Address(7)] { benchmark::DoNotOptimize(text::FoldCase(address)); };
    });
    registry.Add("text/fold_utf8", [] {
        return [address = std::string("JOSÉ.Straße@Bücher.example")] {
            benchmark::DoNotOptimize(text::FoldCase(address));
        };
    });
}

}  // namespace policyd::bench
