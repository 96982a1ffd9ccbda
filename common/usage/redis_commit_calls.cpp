#include "common/usage/redis_commit_calls.hpp"

#include <algorithm>
#include <map>

#include "common/usage/packed_numbers.hpp"
#include "common/usage/redis_keys.hpp"
#include "common/usage/redis_scripts.hpp"

namespace policyd::usage {

namespace {

constexpr std::size_t kCommittedInOneCall = 32;

}  // namespace

RedisCommitCalls MakeCommitCalls(std::span<const Measurement> measurements,
                                 std::string_view header) {
    std::map<std::string_view, std::vector<std::size_t>> domains;
    for (std::size_t i = 0; i < measurements.size(); ++i)
        domains[DomainOf(measurements[i].mailbox)].push_back(i);
    RedisCommitCalls commit;
    std::size_t room = 0;  // in the last call
    for (const auto& [domain, indexes] : domains) {
        for (std::span<const std::size_t> left = indexes; !left.empty();) {
            if (room == 0) {
                commit.calls.emplace_back().script = kCommitScript;
                commit.calls.back().arguments.Append(header);
                room = kCommittedInOneCall;
            }
            redis::ScriptCall& call = commit.calls.back();
            const auto part = left.first(std::min(room, left.size()));
            left = left.subspan(part.size());
            room -= part.size();
            PackedNumbers figures;
            call.keys.Append(RedisDomainKey(domain));
            for (const std::size_t i : part) {
                const Measurement& measurement = measurements[i];
                figures << measurement.began.time_since_epoch() << measurement.bytes
                        << measurement.messages;
                call.keys.Append(RedisMailboxKey(measurement.mailbox));
            }
            call.arguments.Append(figures.Bytes());
            commit.parts.emplace_back(part.begin(), part.end());
        }
    }
    return commit;
}

}  // namespace policyd::usage
