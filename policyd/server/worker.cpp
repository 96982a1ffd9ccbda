#include "policyd/server/worker.hpp"

#include <algorithm>
#include <utility>

#include "common/async/destroy_elsewhere.hpp"
#include "common/log/logging.hpp"
#include "policyd/server/accept_warning.hpp"
#include "policyd/server/peer_name.hpp"

namespace policyd::server {

namespace {

using std::chrono::milliseconds;

/// How closely time limits are kept.
constexpr milliseconds kTimeCheckPeriod{100};
/// A connection that has been idle for this long gives way to a new one where there are too many.
constexpr milliseconds kIdleEnough{10'000};
constexpr milliseconds kWaitLogPeriod{60'000};
/// With what goes on in threads after all requests are answered. It is let to end, unless it waits
/// for what may take half a minute, such as a name server that keeps silent.
constexpr milliseconds kPatienceAtEnd{2'000};

}  // namespace

Worker::Worker(std::string host_name, const SessionLimits& limits, ConnectionRoom& room)
    : host_name_(std::move(host_name)),
      limits_(limits),
      room_(room),
      clock_([this] { return loop_.Now(); }),
      current_services_(
          [this]() -> const std::shared_ptr<services::Services>& { return services_; }) {
    time_check_ =
        std::make_unique<async::Periodic>(loop_.Raw(), kTimeCheckPeriod, [this] { CheckTimes(); });
}

Worker::~Worker() = default;

void Worker::Use(std::unique_ptr<services::Services> services, bool asks_alike) {
    metrics_.ForgetCache();
    if (services_) {
        services_->LeaveOff();
        services->TakeOver(*services_, asks_alike);
    }
    // Whoever lets go of them last may be called by them, so they are destroyed from the loop.
    services_.reset(services.release(), [this](services::Services* old) {
        loop_.Post([this, old] { Retire(std::unique_ptr<services::Services>(old)); });
    });
}

/// What is remembered, and tables of a million lines, are given up by another thread: the loop has
/// no time for that.
void Worker::Retire(std::unique_ptr<services::Services> unused) {
    async::DestroyElsewhere(unused->TakeRemains());
}

void Worker::Listen(const std::vector<async::ListeningSocket>& sockets) {
    for (const async::ListeningSocket& socket : sockets) {
        const std::size_t i = listeners_.size();
        listeners_.push_back(std::make_unique<async::Listener>(
            loop_.Raw(), socket, [this](auto connection) { StartSession(std::move(connection)); },
            [this, name = socket.Name()](const std::string& why) {
                WarnThatNobodyIsAccepted(name, why);
                MakeRoom();
            },
            [this, i] { return TakePlace(*listeners_[i]); }));
    }
}

void Worker::FlushCaches() {
    if (services_) services_->FlushCaches();
}

void Worker::StopListening() {
    room_.Forget(*this);
    waiting_.clear();
    listeners_.clear();
}

void Worker::Run() {
    time_check_->KeepLoopRunning();  // also where it listens to nothing
    while (!HasEnded()) loop_.Run();
    Close();
}

void Worker::Close() {
    StopListening();
    time_check_.reset();
    services_.reset();
    is_needed_ = !loop_.DrainWithin(kPatienceAtEnd);
}

void Worker::Stop() {
    loop_.Post([this] {
        stopping_ = true;
        give_up_at_ = clock_() + limits_.request_time;
        StopListening();
        if (services_) services_->GiveUp(give_up_at_);
        ForEachSession([](Session& session) { session.CloseForGood(); });
        EndWhenIdle();
    });
}

/// What the usage store is still to be told would be lost with the process: it is waited for,
/// though not for longer than for a request.
bool Worker::HasEnded() const {
    if (!stopping_ || !sessions_.empty()) return false;
    const bool owes = services_ && (tending_ || services_->Owes());
    return !owes || clock_() >= give_up_at_;
}

void Worker::EndWhenIdle() {
    // Connections to back ends would keep the loop running for ever.
    if (HasEnded()) loop_.Stop();
}

/// Where there is no room, the connection stays with its listener until there is.
bool Worker::TakePlace(async::Listener& listener) {
    if (!has_place_) has_place_ = room_.TakeOrWait(*this);
    if (has_place_) return true;
    waiting_.push_back(&listener);
    ++waits_;
    metrics_.accept_pauses.Add();
    MakeRoom();
    return false;
}

void Worker::OnRoom() {
    loop_.Post([this] { UsePlace(); });
}

void Worker::UsePlace() {
    if (waiting_.empty()) return room_.Return();  // it does not listen any more
    if (std::exchange(has_place_, true)) room_.Return();
    async::Listener* const listener = waiting_.front();
    waiting_.pop_front();
    listener->AcceptWaiting();
}

void Worker::StartSession(async::UvHandle<uv_any_handle> socket) {
    has_place_ = false;
    std::string postfix_host = PeerName(socket->handle, host_name_);
    sessions_.emplace_back(std::move(socket), std::move(postfix_host), limits_, clock_,
                           current_services_, metrics_);
    metrics_.accepted.Add();
    metrics_.connections.Add(1);
    async::Spawn(Serve(std::prev(sessions_.end())), [](std::exception_ptr failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::Error("failure: a connection was given up: {}", error.what());
        }
    });
}

async::Task<> Worker::Serve(Sessions::iterator session) {
    std::exception_ptr failure;
    try {
        co_await session->Serve();
    } catch (...) {
        failure = std::current_exception();
    }
    if (session == next_session_) ++next_session_;
    sessions_.erase(session);
    metrics_.connections.Add(-1);
    room_.Return();
    EndWhenIdle();
    if (failure) std::rethrow_exception(failure);
}

void Worker::ForEachSession(const std::function<void(Session&)>& work) {
    for (next_session_ = sessions_.begin(); next_session_ != sessions_.end();)
        work(*next_session_++);
}

/// Closes the connection that has been idle for longest, if any has for long enough.
void Worker::MakeRoom() {
    const milliseconds now = clock_();
    if (now < nobody_idle_before_) return;  // spares looking through all of them
    const auto rank = [](const Session& session) {
        return session.IsIdle() ? session.LastActive() : milliseconds::max();
    };
    const auto oldest =
        std::min_element(sessions_.begin(), sessions_.end(),
                         [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    const milliseconds idle_since = oldest == sessions_.end() ? now : std::min(rank(*oldest), now);
    nobody_idle_before_ = idle_since + kIdleEnough;
    if (now >= nobody_idle_before_) oldest->Close();
}

/// What the services do by themselves, one round after the other.
void Worker::TendServices() {
    if (!services_ || std::exchange(tending_, true)) return;
    const auto tend = [](std::shared_ptr<services::Services> services,
                         bool& tending) -> async::Task<> {
        co_await services->Tend();
        tending = false;
    };
    async::Spawn(tend(services_, tending_), [this](std::exception_ptr failure) {
        tending_ = false;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::Error("failure: {}", error.what());
        }
    });
}

void Worker::CheckTimes() {
    const milliseconds now = clock_();
    ++turns_;
    TendServices();
    if (services_) metrics_.CountLookups(services_->Recipients());
    ForEachSession([now](Session& session) { session.CheckTime(now); });
    // Those who wait at another worker take the place of connections that are idle at this one.
    if (room_.SomebodyWaits()) MakeRoom();
    EndWhenIdle();
    if (waits_ > 0 && now >= next_wait_log_) {
        log::Warning("too many connections: {} had to wait to be accepted, {} are open here",
                     std::exchange(waits_, 0), sessions_.size());
        next_wait_log_ = now + kWaitLogPeriod;
    }
}

}  // namespace policyd::server
