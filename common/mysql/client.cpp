#include "common/mysql/client.hpp"

#include <algorithm>

#include "common/async/worker_pool.hpp"
#include "common/mysql/open_connection.hpp"
#include "common/outage/unavailable.hpp"
#include "common/text/utf8.hpp"

namespace policyd::mysql {

namespace {

/// Until a thread that there was no connection for tries to connect again.
constexpr std::chrono::seconds kRest(10);

/// How long a session that lacks a right is used until another one is tried: rights that were
/// granted may show in a new one only, and one that stays missing is not to cost a connection for
/// each question. Where there is no other connection to be had, up to the longest.
constexpr std::chrono::seconds kUntilRightsAreLookedFor(1);
constexpr std::chrono::seconds kLongestUntilThen(60);

class NoConnectionLeft : public outage::TableUnavailable, public async::NotNow {
public:
    NoConnectionLeft(const std::string& what, bool is_mistake)
        : TableUnavailable(what, is_mistake), NotNow(kRest) {}
};

}  // namespace

Client::Client(std::shared_ptr<ServerBoard> board) : board_(std::move(board)) {
    BeginThread();
}

Client::~Client() {
    session_.reset();
    EndThread();
}

Values Client::Run(const Query& query, Clock::time_point asked) {
    Values values;
    RunOnOneServer([&](Session& session) { values = session.Run(query); }, asked);
    return values;
}

std::vector<Values> Client::RunTogether(std::span<const Query> queries, Clock::time_point asked) {
    std::vector<Values> values;
    RunOnOneServer([&](Session& session) { values = session.RunTogether(queries); }, asked);
    return values;
}

void Client::RunOnOneServer(const Ask& ask, Clock::time_point asked) {
    tried_.clear();
    failures_.clear();
    servers_failed_ = none_left_ = was_asked_ = false;
    some_saw_a_mistake_ = some_saw_none_ = false;
    const auto began = Clock::now();
    if (TryOldSession(ask)) return;
    while (Clock::now() - began < board_->For().time_limit) {
        const auto server = board_->Choose(tried_, Clock::now(), asked);
        if (!server) break;
        if (TryServer(*server, ask)) return;
    }
    if (failures_.empty()) throw outage::TableUnavailable("mysql: the servers failed a moment ago");
    const bool is_mistake = some_saw_a_mistake_ && !some_saw_none_;
    if (none_left_ && !was_asked_) throw NoConnectionLeft("mysql: " + failures_, is_mistake);
    if (!servers_failed_) throw outage::TableRefuses("mysql: " + failures_, is_mistake);
    throw outage::TableUnavailable("mysql: " + failures_, is_mistake);
}

bool Client::HasUsableSession(Clock::time_point now) const {
    return session_ && now - last_used_ < board_->For().idle_interval &&
           !board_->HasFailedSince(server_, last_used_);
}

bool Client::TryOldSession(const Ask& ask) {
    const auto began = Clock::now();
    if (!HasUsableSession(began)) {
        session_.reset();
        return false;
    }
    if (lacks_rights_ && began >= look_for_rights_at_) LookForRights(began);
    try {
        ask(*session_);
        last_used_ = Clock::now();
        if (board_->IsWaitingForSuccess()) board_->NoteSuccess(server_, last_used_);
        return true;
    } catch (const Error& error) {
        NoteRefused(error);
        // One that the server closed while it was idle fails at once, and says nothing of the
        // server: that one is then the first to be tried again.
        const bool was_closed =
            error.IsOfServer() && Clock::now() - began < board_->For().time_limit / 2;
        if (!was_closed) NoteAskedInVain(error);
        return false;
    }
}

bool Client::TryServer(std::size_t server, const Ask& ask) {
    server_ = server;
    try {
        session_ = std::make_unique<Session>(board_->For(), board_->For().servers[server]);
        lacks_rights_ = false;
        pause_of_looking_ = kUntilRightsAreLookedFor;
        look_for_rights_at_ = Clock::now() + pause_of_looking_;
    } catch (const Error& error) {
        some_saw_a_mistake_ = some_saw_a_mistake_ || error.IsDenial();
        if (error.IsOfConnectionLimit()) {
            NoteNoneLeft(error);
        } else {
            NoteFailure(Error(error.what(), Error::kCannotConnect));
        }
        return false;
    }
    try {
        ask(*session_);
        last_used_ = Clock::now();
        board_->NoteSuccess(server, Clock::now());
        return true;
    } catch (const Error& error) {
        NoteRefused(error);
        NoteAskedInVain(error);
        return false;
    }
}

/// The old session stays where there is no new one: it answers all else.
void Client::LookForRights(Clock::time_point now) {
    try {
        session_ = std::make_unique<Session>(board_->For(), board_->For().servers[server_]);
        lacks_rights_ = false;
        pause_of_looking_ = kUntilRightsAreLookedFor;
    } catch (const Error&) {
        pause_of_looking_ = std::min<Clock::duration>(2 * pause_of_looking_, kLongestUntilThen);
    }
    look_for_rights_at_ = now + pause_of_looking_;
}

void Client::NoteRefused(const Error& error) {
    if (!error.IsOfQuery()) return session_.reset();
    last_used_ = Clock::now();
    if (error.IsLackOfRights()) lacks_rights_ = true;
}

void Client::NoteAskedInVain(const Error& error) {
    was_asked_ = true;
    NoteFailure(error);
}

/// The server did not fail: the other threads' sessions go on.
void Client::NoteNoneLeft(const Error& error) {
    none_left_ = servers_failed_ = true;
    board_->NoteNoneLeft(server_, Clock::now(), error.what());
    NoteTried(error);
}

void Client::NoteFailure(const Error& error) {
    if (error.IsOfServer()) {
        servers_failed_ = true;
        board_->NoteFailure(server_, Clock::now(), error.what());
    } else {
        (error.IsMistake() ? some_saw_a_mistake_ : some_saw_none_) = true;
    }
    NoteTried(error);
}

void Client::NoteTried(const Error& error) {
    tried_.push_back(server_);
    failures_ += (failures_.empty() ? "" : "; ") + board_->For().servers[server_].ToText() + ": " +
                 text::EscapedForLog(error.what(), 500);
}

}  // namespace policyd::mysql
