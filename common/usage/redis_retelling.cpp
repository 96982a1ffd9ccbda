#include "common/usage/redis_retelling.hpp"

#include <exception>
#include <optional>
#include <utility>

#include "common/async/when_all.hpp"
#include "common/outage/unavailable.hpp"
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
    recent_->Lost(teller_, Now());  // until it is there for the first time
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

void RedisRetelling::Lost(milliseconds last_answered) {
    ++losses_;
    later_.Stop();
    recent_->Lost(teller_, last_answered);
}

void RedisRetelling::Start() {
    async::Spawn(TellAgain(), [this](std::exception_ptr) {
        // Where the connection is lost again, all is told over the next one.
        if (client_.IsReady()) later_.Start(kTellLater);
    });
}

async::Task<void> RedisRetelling::TellAgain() {
    const std::uint64_t losses = losses_;
    const std::vector<Held> recent = recent_->Recent(teller_, Now());
    for (std::size_t at = 0; at < recent.size();) {
        std::vector<async::Task<void>> some;
        for (; at < recent.size() && some.size() < kToldAtOnce; ++at)
            if (recent_->Current(recent[at]) == recent[at]) some.push_back(Tell(recent[at]));
        co_await async::WhenAll(std::move(some));
        if (losses_ != losses) co_return;  // all is told over the next connection
    }
    recent_->Told(teller_);
}

/// What is told of the same message over another connection meanwhile may have come before it, and
/// is told once more.
async::Task<void> RedisRetelling::Tell(Held held) {
    for (std::optional<Held> next = std::move(held); next;) {
        const RedisReservationPart part = PartAgain(*next);
        try {
            co_await batch_.Evaluate(part);
        } catch (const outage::UsageRecordBroken&) {
            // That the others are told does not wait for somebody to mend this.
        }
        next = recent_->ToldAgain(*next, Now());
    }
}

/// What was settled over another connection since is not given back: it is younger.
RedisReservationPart RedisRetelling::PartAgain(const Held& held) const {
    const milliseconds age = Now() - held.at + held.age;
    if (held.given_back) return ReleasePart(held.id, {&held.mailbox, 1}, *held.given_back, age);
    return HoldPart(held, age, held.settled ? Settling::kYes : Settling::kNo);
}

}  // namespace policyd::usage
