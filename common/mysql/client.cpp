#include "common/mysql/client.hpp"

#include <algorithm>
#include <utility>

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

/// How long a server may keep silent until the next one is tried beside it, of `limit`.
std::chrono::milliseconds Patience(std::chrono::milliseconds limit) {
    return std::min(limit / 4, std::chrono::milliseconds(400));
}

class NoConnectionLeft : public outage::TableUnavailable, public async::NotNow {
public:
    NoConnectionLeft(const std::string& what, bool is_mistake)
        : TableUnavailable(what, is_mistake), NotNow(kRest) {}
};

}  // namespace

Client::Client(std::shared_ptr<ServerBoard> board) : board_(std::move(board)), connecting_(board_) {
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
    has_tried_addresses_ = servers_failed_ = none_left_ = was_asked_ = false;
    some_saw_a_mistake_ = some_saw_none_ = false;
    const auto deadline = Clock::now() + board_->For().time_limit;
    LookAtWhatFailed();
    if (TryOldSession(ask)) return;
    while (Connect(deadline, asked))
        if (TryNewSession(ask)) return;
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
        if (!was_closed) {
            tried_.push_back(server_);
            NoteAskedInVain(error);
        }
        return false;
    }
}

/// To the first server that gives a session. The next one is tried beside those that have kept
/// silent for a while, or failed.
bool Client::Connect(Clock::time_point deadline, Clock::time_point asked) {
    const auto patience = Patience(board_->For().time_limit);
    while (Clock::now() < deadline) {
        const bool has_begun = BeginNext(asked);
        auto end = connecting_.WaitForNext(has_begun ? std::min(Clock::now() + patience, deadline)
                                                     : deadline);
        if (end && end->session) {
            TakeSession(*std::move(end));
            NoteSilent(Clock::now() - patience, server_);
            connecting_.LeaveAlone();
            return true;
        }
        if (end) NoteCannotConnect(end->server, *end->error);
        if (!end && !has_begun) break;
    }
    NoteSilent(Clock::now(), std::nullopt);
    connecting_.LeaveAlone();
    return false;
}

bool Client::BeginNext(Clock::time_point asked) {
    if (const auto server = board_->Choose(tried_, asked)) {
        tried_.push_back(*server);
        connecting_.Begin(*server);
        return true;
    }
    return !std::exchange(has_tried_addresses_, true) && connecting_.BeginByAddresses();
}

void Client::TakeSession(Connecting::End end) {
    server_ = end.server;
    session_ = std::move(end.session);
    lacks_rights_ = false;
    pause_of_looking_ = kUntilRightsAreLookedFor;
    look_for_rights_at_ = Clock::now() + pause_of_looking_;
}

bool Client::TryNewSession(const Ask& ask) {
    try {
        ask(*session_);
        last_used_ = Clock::now();
        board_->NoteSuccess(server_, last_used_);
        return true;
    } catch (const Error& error) {
        NoteRefused(error);
        NoteAskedInVain(error);
        return false;
    }
}

/// Beside the question, which costs it nothing.
void Client::LookAtWhatFailed() {
    if (!board_->IsWaitingForSuccess()) return;
    if (const auto server = board_->DueForALook(Clock::now())) connecting_.LookAt(*server);
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

void Client::NoteCannotConnect(std::size_t server, const Error& error) {
    if (connecting_.SilentSince(Clock::now()).contains(server)) return;  // by another address
    some_saw_a_mistake_ = some_saw_a_mistake_ || error.IsDenial();
    if (error.IsOfConnectionLimit()) return NoteNoneLeft(server, error);
    NoteFailure(server, Error(error.what(), Error::kCannotConnect));
}

/// Those that have kept silent ever since, but `answering`, which answers by another address.
void Client::NoteSilent(Clock::time_point since, std::optional<std::size_t> answering) {
    for (const std::size_t server : connecting_.SilentSince(since))
        if (server != answering) NoteFailure(server, Error("no answer", Error::kCannotConnect));
}

void Client::NoteAskedInVain(const Error& error) {
    was_asked_ = true;
    NoteFailure(server_, error);
}

/// The server did not fail: the other threads' sessions go on.
void Client::NoteNoneLeft(std::size_t server, const Error& error) {
    none_left_ = servers_failed_ = true;
    board_->NoteNoneLeft(server, Clock::now(), error.what());
    NoteReason(server, error);
}

void Client::NoteFailure(std::size_t server, const Error& error) {
    if (error.IsOfServer()) {
        servers_failed_ = true;
        board_->NoteFailure(server, Clock::now(), error.what());
    } else {
        (error.IsMistake() ? some_saw_a_mistake_ : some_saw_none_) = true;
    }
    NoteReason(server, error);
}

void Client::NoteReason(std::size_t server, const Error& error) {
    failures_ += (failures_.empty() ? "" : "; ") + board_->For().servers[server].ToText() + ": " +
                 text::EscapedForLog(error.what(), 500);
}

}  // namespace policyd::mysql
