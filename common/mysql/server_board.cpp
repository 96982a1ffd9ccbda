#include "common/mysql/server_board.hpp"

#include <algorithm>

#include "common/log/logging.hpp"
#include "common/text/utf8.hpp"

namespace policyd::mysql {

namespace {

std::chrono::milliseconds SinceEpoch(ServerBoard::Time time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch());
}

}  // namespace

std::string ServerBoard::NameOf(std::size_t server) const {
    return "mysql server " + account_.servers[server].ToText();
}

std::optional<std::size_t> ServerBoard::Choose(const std::vector<std::size_t>& tried, Time asked) {
    const std::lock_guard lock(mutex_);
    std::vector<std::size_t> best;
    int best_rank = 4;
    for (std::size_t i = 0; i < states_.size(); ++i) {
        if (std::find(tried.begin(), tried.end(), i) != tried.end()) continue;
        const bool has_failed = states_[i].has_failed;
        if (has_failed && asked < states_[i].failed_at) continue;
        const int rank = (has_failed ? 2 : 0) + (account_.servers[i].IsLocal() ? 0 : 1);
        if (rank < best_rank) best.clear();
        best_rank = std::min(rank, best_rank);
        if (rank == best_rank) best.push_back(i);
    }
    if (best.empty()) return std::nullopt;
    return best[std::uniform_int_distribution<std::size_t>(0, best.size() - 1)(random_)];
}

std::optional<std::size_t> ServerBoard::DueForALook(Time now) {
    if (states_.size() == 1) return std::nullopt;
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < states_.size(); ++i) {
        auto& next_look = states_[i].next_look;
        if (!next_look || now < *next_look) continue;
        next_look = now + account_.retry_interval;
        return i;
    }
    return std::nullopt;
}

bool ServerBoard::HasFailedSince(std::size_t server, Time then) {
    const std::lock_guard lock(mutex_);
    return states_[server].has_failed && states_[server].failed_at > then;
}

void ServerBoard::NoteSuccess(std::size_t server, Time now) {
    const std::lock_guard lock(mutex_);
    State& state = states_[server];
    state.has_failed = false;
    // Before that the log does not say that it is back.
    if (now >= state.failed_at + kQuietTime) state.next_look.reset();
    log_.Answered(NameOf(server), SinceEpoch(now));
    is_waiting_ = log_.HasOutages();
}

void ServerBoard::NoteFailure(std::size_t server, Time now, const std::string& what) {
    const std::lock_guard lock(mutex_);
    log_.Failed(NameOf(server), text::EscapedForLog(what), SinceEpoch(now));
    states_[server].has_failed = true;
    states_[server].failed_at = now;
    states_[server].next_look = now + account_.retry_interval;
    is_waiting_ = true;
}

void ServerBoard::NoteNoneLeft(std::size_t server, Time now, const std::string& what) {
    if (telling_ == outage::Telling::kNobody) return;
    const std::lock_guard lock(mutex_);
    auto& said_at = states_[server].none_left_said_at;
    if (said_at && now < *said_at + kUnsaid) return;
    said_at = now;
    log::Warning("{} gives fewer connections than the {} of mysql_connections, for each worker: {}",
                 NameOf(server), connections_, text::EscapedForLog(what));
}

}  // namespace policyd::mysql
