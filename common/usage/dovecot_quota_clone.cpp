#include "common/usage/dovecot_quota_clone.hpp"

#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "common/async/endpoint.hpp"
#include "common/config/config_error.hpp"
#include "common/redis/key_scan.hpp"
#include "common/text/ascii.hpp"

namespace policyd::usage {

namespace {

using redis::Reply;
using redis::Request;

constexpr std::string_view kBytes = "/quota/storage";
constexpr std::string_view kMessages = "/quota/messages";

/// Matches itself and nothing else in a pattern of SCAN.
std::string Literal(std::string_view text) {
    std::string pattern;
    for (const char c : text) {
        if (std::string_view("*?[]\\^-").find(c) != std::string_view::npos) pattern += '\\';
        pattern += c;
    }
    return pattern;
}

/// Nothing if it is no number. Dovecot counts up and down, and may come to less than nothing.
std::optional<std::uint64_t> Figure(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    const auto number = text::ParseUnsigned(text.substr(is_negative ? 1 : 0));
    return is_negative && number ? 0 : number;
}

}  // namespace

redis::ClientSettings DovecotServerFrom(const config::Settings& settings) {
    constexpr std::string_view kRedis = "redis:";
    const std::string_view name = settings.dovecot_quota_clone;
    if (!name.starts_with(kRedis))
        throw config::ConfigError("dovecot_quota_clone: usage_source = \"" + settings.usage_source +
                                  "\" needs it");
    redis::ClientSettings server;
    server.endpoint = async::ParseEndpoint(name.substr(kRedis.size()));
    server.password_file = settings.dovecot_quota_clone_password_file;
    server.time_limit = settings.redis_time_limit;
    return server;
}

DovecotQuotaClone::DovecotQuotaClone(async::EventLoop& loop, redis::ClientSettings server,
                                     std::string prefix)
    : prefix_(std::move(prefix)), redis_(loop, std::move(server)) {}

async::Task<DovecotFigures> DovecotQuotaClone::ReadAll(text::WallTime began) {
    std::map<std::string, std::optional<Measurement>> measurements;
    redis::KeyScan scan(redis_, Literal(prefix_) + '*' + std::string(kBytes));
    while (!scan.HasEnded()) {
        const std::vector<std::string> keys = co_await scan.Next();
        std::vector<std::string> users;
        std::vector<Request> questions;
        for (const std::string& key : keys) {
            const std::size_t length = key.size() - prefix_.size() - kBytes.size();
            users.push_back(key.substr(prefix_.size(), length));
            questions.emplace_back("MGET", key, prefix_ + users.back() + std::string(kMessages));
        }
        const std::vector<Reply> answers = co_await redis_.AskAll(std::move(questions));
        for (std::size_t i = 0; i < users.size(); ++i) {
            if (answers[i].elements.size() != 2) redis::RefuseNonsense();
            const auto bytes = Figure(answers[i].elements.front().text);
            const auto messages = Figure(answers[i].elements.back().text);
            std::optional<Measurement>& measurement = measurements[users[i]];
            if (bytes && messages) measurement = {users[i], *bytes, *messages, began};
        }
    }
    DovecotFigures figures;
    for (auto& [user, measurement] : measurements) {
        if (measurement) {
            figures.measurements.push_back(std::move(*measurement));
        } else {
            figures.unreadable.push_back(user);
        }
    }
    co_return figures;
}

}  // namespace policyd::usage
