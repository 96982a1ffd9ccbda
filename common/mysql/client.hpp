#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/mysql/connecting.hpp"
#include "common/mysql/server_board.hpp"
#include "common/mysql/session.hpp"
#include "common/outage/unavailable.hpp"

namespace policyd::mysql {

/// Asks the servers of one account on one thread, which makes and destroys it. Connects when it is
/// first asked, drops its session on any error but a query's own, and goes on with the next server,
/// which it does not leave waiting while another one keeps silent.
class Client {
public:
    explicit Client(std::shared_ptr<ServerBoard> board);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    using Clock = std::chrono::steady_clock;

    /// Answers what was `asked` then. Throws outage::TableUnavailable where no server could answer,
    /// outage::TableRefuses where none would. A session that turns out to have been closed
    /// meanwhile is made anew once. No further server is tried once the time limit has passed, so
    /// that the wait is at most twice that. The exception is an async::NotNow as well where the
    /// query was put to none, since one had no connection left: another thread may have a session.
    Values Run(const Query& query, Clock::time_point asked);

    /// As Run(), for several queries that one server answers.
    std::vector<Values> RunTogether(std::span<const Query> queries, Clock::time_point asked);

    /// The one that answered last, if it goes on.
    const Session* CurrentSession() const noexcept { return session_ ? &*session_ : nullptr; }

private:
    using Ask = std::function<void(Session&)>;

    void RunOnOneServer(const Ask& ask, Clock::time_point asked);
    bool HasUsableSession(Clock::time_point now) const;
    bool TryOldSession(const Ask& ask);
    bool TryNewSession(const Ask& ask);
    bool Connect(Clock::time_point deadline, Clock::time_point asked);
    bool BeginNext(Clock::time_point asked);
    void TakeSession(Connecting::End end);
    void LookAtWhatFailed();
    void LookForRights(Clock::time_point now);
    void NoteRefused(const Error& error);
    void NoteCannotConnect(std::size_t server, const Error& error);
    void NoteSilent(Clock::time_point since, std::optional<std::size_t> answering);
    void NoteAskedInVain(const Error& error);
    void NoteNoneLeft(std::size_t server, const Error& error);
    void NoteFailure(std::size_t server, const Error& error);
    void NoteReason(std::size_t server, const Error& error);

    std::shared_ptr<ServerBoard> board_;
    Connecting connecting_;
    std::unique_ptr<Session> session_;
    std::size_t server_ = 0;  ///< of the session
    Clock::time_point last_used_{};
    bool lacks_rights_ = false;  ///< the session, for some query
    Clock::time_point look_for_rights_at_{};
    Clock::duration pause_of_looking_{};
    std::vector<std::size_t> tried_;
    bool has_tried_addresses_ = false;  // of the servers' names
    std::string failures_;
    bool servers_failed_ = false;  // and not only this query
    bool none_left_ = false;       // of a server's connections
    bool was_asked_ = false;       // and not only to connect
    // Of the servers that answered, which those that deny access do as well.
    bool some_saw_a_mistake_ = false;
    bool some_saw_none_ = false;
};

}  // namespace policyd::mysql
