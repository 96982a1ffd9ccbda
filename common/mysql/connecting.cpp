#include "common/mysql/connecting.hpp"

#include <algorithm>
#include <system_error>
#include <utility>
#include <vector>

#include "common/async/start_thread.hpp"
#include "common/mysql/open_connection.hpp"
#include "common/mysql/server_addresses.hpp"

namespace policyd::mysql {

Connecting::Connecting(std::shared_ptr<ServerBoard> board) : board_(std::move(board)) {}

Connecting::~Connecting() {
    LeaveAlone();
    for (Attempt& attempt : attempts_)
        if (attempt.thread.joinable()) attempt.thread.join();
}

bool Connecting::HasOneWay() const {
    const Account& account = board_->For();
    return account.servers.size() == 1 &&
           (account.tls.verify_cert || !HasName(account.servers.front()));
}

void Connecting::Begin(std::size_t server) {
    Begin(server, board_->For().servers[server]);
}

void Connecting::Begin(std::size_t server, const Server& where) {
    ForgetEnded();
    {
        const std::lock_guard lock(mutex_);
        for (Attempt& attempt : attempts_) {
            if (attempt.has_ended || attempt.server != server || attempt.where != where) continue;
            attempt.is_wanted = true;
            return;
        }
    }
    Attempt& attempt = attempts_.emplace_back(server, where, false, true);
    if (HasOneWay() || !TryThread(attempt)) Finish(attempt, Connect(attempt));
}

bool Connecting::BeginByAddresses() {
    const Account& account = board_->For();
    if (account.tls.verify_cert) return false;
    bool has_begun = false;
    for (const std::size_t server : SilentSince(Clock::now())) {
        if (!HasName(account.servers[server])) continue;
        for (const Server& address : AddressesOf(account.servers[server])) {
            Begin(server, address);
            has_begun = true;
        }
    }
    return has_begun;
}

void Connecting::LookAt(std::size_t server) {
    ForgetEnded();
    const auto is_of_it = [server](const Attempt& attempt) { return attempt.server == server; };
    if (std::any_of(attempts_.begin(), attempts_.end(), is_of_it)) return;
    Attempt& attempt = attempts_.emplace_back(server, board_->For().servers[server], true, false);
    if (!TryThread(attempt)) attempts_.pop_back();
}

bool Connecting::TryThread(Attempt& attempt) {
    try {
        attempt.thread = async::StartThread([this, &attempt] { Run(attempt); });
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

void Connecting::Run(Attempt& attempt) {
    BeginThread();
    Finish(attempt, Connect(attempt));
    EndThread();
}

Connecting::End Connecting::Connect(const Attempt& attempt) const {
    try {
        return {attempt.server, std::make_unique<Session>(board_->For(), attempt.where)};
    } catch (const Error& error) {
        return {attempt.server, nullptr, error};
    }
}

void Connecting::Finish(Attempt& attempt, End end) {
    {
        const std::lock_guard lock(mutex_);
        attempt.has_ended = true;
        if (attempt.is_wanted) {
            attempt.end = std::move(end);
            something_ended_.notify_all();
            return;
        }
    }
    TellBoard(attempt, end);
}

/// One that was given up is not told of again when it fails: it may be a name, and one of its
/// addresses answers.
void Connecting::TellBoard(const Attempt& attempt, const End& end) {
    if (end.session) {
        board_->NoteSuccess(attempt.server, Clock::now());
    } else if (attempt.is_look && !end.error->IsOfConnectionLimit()) {
        board_->NoteFailure(attempt.server, Clock::now(), end.error->what());
    }
}

std::optional<Connecting::End> Connecting::WaitForNext(Clock::time_point until) {
    std::optional<End> next;
    std::unique_lock lock(mutex_);
    something_ended_.wait_until(lock, until, [this, &next] {
        bool is_any_wanted = false;
        for (Attempt& attempt : attempts_) {
            if (!attempt.is_wanted) continue;
            is_any_wanted = true;
            if (!attempt.has_ended) continue;
            attempt.is_wanted = false;
            next = std::exchange(attempt.end, std::nullopt);
            return true;
        }
        return !is_any_wanted;
    });
    return next;
}

std::set<std::size_t> Connecting::SilentSince(Clock::time_point then) {
    std::set<std::size_t> servers;
    const std::lock_guard lock(mutex_);
    for (const Attempt& attempt : attempts_)
        if (attempt.is_wanted && !attempt.has_ended && attempt.began <= then)
            servers.insert(attempt.server);
    return servers;
}

void Connecting::LeaveAlone() {
    std::vector<End> ended;
    {
        const std::lock_guard lock(mutex_);
        for (Attempt& attempt : attempts_) {
            attempt.is_wanted = false;
            if (attempt.end) ended.push_back(*std::exchange(attempt.end, std::nullopt));
        }
    }
    for (const End& end : ended)
        if (end.session) board_->NoteSuccess(end.server, Clock::now());
}

void Connecting::ForgetEnded() {
    std::list<Attempt> ended;
    {
        const std::lock_guard lock(mutex_);
        for (auto at = attempts_.begin(); at != attempts_.end();) {
            const auto attempt = at++;
            if (attempt->has_ended && !attempt->end) ended.splice(ended.end(), attempts_, attempt);
        }
    }
    for (Attempt& attempt : ended)
        if (attempt.thread.joinable()) attempt.thread.join();
}

}  // namespace policyd::mysql
