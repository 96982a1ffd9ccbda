#include "common/usage/redis_retelling.hpp"

#include <exception>
#include <optional>
#include <utility>

#include "common/usage/redis_reservations.hpp"

namespace policyd::usage {

namespace {

using std::chrono::milliseconds;

/// When a server that was reached does not take it: it lacks memory or replicas.
constexpr milliseconds kTellLater{1'000};
/// All threads of all servers tell at once, beside what is being decided: a busy Redis has
/// to answer all of it in time, or the connection is given up and all is to be told anew.
constexpr std::size_t kToldAtOnce = 8;

}  // namespace

RedisRetelling::RedisRetelling(uv_loop_t* loop, redis::Client& client, RedisReservationBatch& batch,
                               std::shared_ptr<RecentReservations> recent)
    : loop_(loop),
      client_(client),
      batch_(batch),
      recent_(std::move(recent)),
      teller_(recent_->NewTeller()),
      later_(loop, [this] { Start(); }) {
    later_.KeepsLoopAlive(false);
}

RedisRetelling::~RedisRetelling() {
    recent_->Told(teller_);
}

milliseconds RedisRetelling::Now() const {
    return milliseconds(uv_now(loop_));
}

void RedisRetelling::Reserved(const Reservation& reservation) {
    for (const Limit& limit : reservation.limits)
        recent_->Remember({.id = reservation.id,
                           .mailbox = limit.mailbox,
                           .bytes = reservation.bytes,
                           .copies = limit.copies,
                           .at = Now(),
                           .settled = reservation.settled,
                           .age = reservation.age,
                           .teller = teller_});
}

void RedisRetelling::GivenBack(std::string_view id, std::span<const std::string> mailboxes,
                               Unreserve what) {
    recent_->GiveBack(id, mailboxes, what, Now(), teller_);
}

void RedisRetelling::Start() {
    async::Spawn(TellAgain(), [this](std::exception_ptr) {
        // Where the connection is lost again, all is told over the next one.
        if (client_.IsReady()) later_.Start(kTellLater);
    });
}

async::Task<void> RedisRetelling::TellAgain() {
    recent_->Lost(teller_, client_.LastLost());
    const std::vector<Held> recent = recent_->Recent(teller_, Now());
    for (std::size_t at = 0; at < recent.size();) {
        std::vector<Held> some;
        for (; at < recent.size() && some.size() < kToldAtOnce; ++at)
            if (recent_->Current(recent[at]) == recent[at]) some.push_back(recent[at]);
        co_await Tell(std::move(some));
    }
    recent_->Told(teller_);
}

/// What is told of the same messages over other connections meanwhile may have come before it, and
/// is told once more.
async::Task<void> RedisRetelling::Tell(std::vector<Held> some) {
    while (!some.empty()) {
        std::vector<RedisReservationPart> parts;
        for (const Held& held : some) parts.push_back(PartAgain(held));
        co_await batch_.EvaluateAll(std::move(parts));
        std::vector<Held> changed;
        for (const Held& held : some) {
            std::optional<Held> current = recent_->Current(held);
            if (current && *current != held) changed.push_back(*std::move(current));
        }
        some = std::move(changed);
    }
}

/// What was settled over another connection since is not given back: it is younger.
RedisReservationPart RedisRetelling::PartAgain(const Held& held) const {
    const milliseconds age = Now() - held.at + held.age;
    if (held.given_back) return ReleasePart(held.id, {&held.mailbox, 1}, *held.given_back, age);
    return HoldPart(held, age, held.settled ? Settling::kYes : Settling::kNo);
}

}  // namespace policyd::usage
