#include <benchmark/benchmark.h>

#include <optional>
#include <stdexcept>

#include "common/protocol/policy_action.hpp"
#include "common/protocol/request_parser.hpp"
#include "loadtest/bench/benchmarks.hpp"
#include "policyd/checks/check_pipeline.hpp"

namespace policyd::bench {

namespace {

/// From the bytes of a request to the bytes of its answer, as a session does it.
std::string Decide(Site& site, const std::string& bytes) {
    protocol::RequestParser parser;
    if (parser.Parse(bytes) != protocol::RequestParser::Parsed::kComplete)
        throw std::logic_error("the request is not complete");
    protocol::PolicyRequest request = parser.Request();
    request.postfix_host = "mx.example.com";
    checks::CheckPipeline::Progress progress;
    const checks::CheckPipeline& checks = site.Services().Checks();
    std::optional<checks::Verdict> verdict = checks.DecideAtHand(request, progress);
    if (!verdict) verdict = site.Loop().RunUntilDone(checks.Decide(request, progress));
    return protocol::ReplyFor(verdict->HasOpinion() ? verdict->action : protocol::kDunno);
}

}  // namespace

void AddDecisionBenchmarks(const Registry& registry, Site& site) {
    registry.Add("recipients/resolve", [&site] {
        return [&site, place = std::size_t{0}]() mutable {
            place = (place + 7'919) % site.Mailboxes();
            const std::string address = Site::Address(place);
            benchmark::DoNotOptimize(
                site.Loop().RunUntilDone(site.Services().Resolver().Resolve(address)));
        };
    });
    registry.Add("recipients/cached", [&site] {
        return [&site, address = Site::Address(1)] {
            auto& cache = site.Services().Recipients();
            if (!cache.Fresh(address)) site.Loop().RunUntilDone(cache.Get(address));
            benchmark::DoNotOptimize(cache.Fresh(address));
        };
    });
    registry.Add("decision/warm", [&site] {
        return [&site, request = RequestFor(Site::Address(2))] {
            benchmark::DoNotOptimize(Decide(site, request));
        };
    });
    registry.Add("decision/unknown", [&site] {
        return [&site, request = RequestFor("nobody@d1.load.example")] {
            benchmark::DoNotOptimize(Decide(site, request));
        };
    });
}

}  // namespace policyd::bench
