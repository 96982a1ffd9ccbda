#include "common/mysql/query_batches.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

namespace policyd::mysql {

namespace {

constexpr std::size_t kMostWaiting = 10'000;
constexpr std::size_t kMostInOne = 16;
/// A batch is to take about so long that nobody minds waiting for the others' answers.
constexpr std::chrono::milliseconds kWorthWaiting(2);
/// How long fewer than make a batch wait while another is on its way.
constexpr std::chrono::milliseconds kPatience(5);

/// What a call took, less the way to the server and back.
struct Timing {
    std::chrono::nanoseconds round_trip;
    std::chrono::nanoseconds work;
};

/// Nothing where it connected or prepared statements as well, as the next one will not.
std::optional<Timing> TimingOf(const Client& client, const std::function<void()>& call) {
    const Session* const session = client.CurrentSession();
    const std::size_t preparations = session != nullptr ? session->Preparations() : 0;
    const auto began = Client::Clock::now();
    call();
    const std::chrono::nanoseconds took = Client::Clock::now() - began;
    if (session == nullptr || client.CurrentSession() != session ||
        session->Preparations() != preparations)
        return std::nullopt;
    return Timing{session->RoundTrip(),
                  std::max(took - session->RoundTrip(), std::chrono::nanoseconds(0))};
}

}  // namespace

QueryBatches::QueryBatches(uv_loop_t* loop, const std::shared_ptr<ServerBoard>& board)
    : connections_(board->Connections()),
      workers_(loop, connections_, [board] { return std::make_unique<Client>(board); }),
      next_turn_(async::MakeHandle<uv_idle_t>("uv_idle_init", this, uv_idle_init, loop)),
      waited_enough_(loop, [this] { SendWhatWaits(true); }) {}

QueryBatches::Asking QueryBatches::Ask(std::vector<Query> queries) {
    return {*this, std::move(queries)};
}

bool QueryBatches::Asking::IsLike(const Asking& other) const {
    return std::equal(queries_.begin(), queries_.end(), other.queries_.begin(),
                      other.queries_.end(), [](const Query& one, const Query& another) {
                          return one.prepared == another.prepared &&
                                 (!one.prepared.empty() || one.source == another.source);
                      });
}

bool QueryBatches::Join(Asking& asking) {
    if (waiting_.size() >= kMostWaiting) {
        asking.failure_ = std::make_exception_ptr(async::WorkersOverloaded());
        return false;
    }
    waiting_.push_back(&asking);
    uv_idle_start(next_turn_.get(), [](uv_idle_t* idle) {
        static_cast<QueryBatches*>(idle->data)->SendWhatWaits(false);
    });
    return true;
}

/// Fewer than make a batch wait for more to come while another batch is on its way: not for long,
/// since that one may turn out to be slow.
void QueryBatches::SendWhatWaits(bool has_waited_enough) {
    uv_idle_stop(next_turn_.get());
    const bool is_far = round_trip_ > kPatience;
    while (
        !waiting_.empty() && on_their_way_ < connections_ &&
        (on_their_way_ == 0 || has_waited_enough || is_far || waiting_.size() >= WorthJoining())) {
        ++on_their_way_;
        async::Spawn(Send(TakeBatch()));
    }
    if (waiting_.empty() || on_their_way_ == connections_) {
        waited_enough_.Stop();
    } else if (!waited_enough_.IsRunning()) {
        waited_enough_.Start(kPatience);
    }
}

std::size_t QueryBatches::WorthJoining() const {
    const auto worth = kWorthWaiting / std::max(took_for_one_, std::chrono::nanoseconds(1));
    return std::clamp<std::size_t>(static_cast<std::size_t>(worth), 1, kMostInOne);
}

/// The one that has waited longest, and others like it. Their number is a power of two, so that a
/// connection has few statements to prepare.
QueryBatches::Batch QueryBatches::TakeBatch() {
    const auto at = [this](std::size_t place) {
        return waiting_.begin() + static_cast<std::ptrdiff_t>(place);
    };
    const Asking* const first = waiting_.front();
    const auto others = std::stable_partition(
        waiting_.begin(), at(std::min(waiting_.size(), kMostInOne)),
        [first](const Asking* asking) { return asking == first || asking->IsLike(*first); });
    const auto alike = static_cast<std::size_t>(others - waiting_.begin());
    const auto end = at(std::bit_floor(std::min(alike, WorthJoining())));
    Batch batch(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    return batch;
}

async::Task<void> QueryBatches::Send(Batch batch) {
    std::vector<Query> queries;
    for (Asking* asking : batch)
        std::move(asking->queries_.begin(), asking->queries_.end(), std::back_inserter(queries));
    const bool is_answered = co_await Answer(batch, queries);
    if (!is_answered) {
        // One of them may be to blame: each is to have the answer that it has alone.
        const std::size_t of_each = queries.size() / batch.size();
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const std::span<Asking* const> alone(&batch[i], 1);
            const std::span<const Query> its_own(&queries[i * of_each], of_each);
            co_await Answer(alone, its_own);
        }
    }
    --on_their_way_;
    SendWhatWaits(false);
    // The last of these may destroy this.
    for (Asking* asking : batch) asking->asking_.resume();
}

/// False, and nobody has an answer, where the servers refused several at once.
async::Task<bool> QueryBatches::Answer(std::span<Asking* const> batch,
                                       std::span<const Query> queries) {
    auto asked = batch.front()->asked_;
    for (const Asking* asking : batch) asked = std::max(asked, asking->asked_);
    std::optional<Timing> timing;
    auto ask = [&](Client& client) {
        std::vector<Values> values;
        timing = TimingOf(client, [&] { values = client.RunTogether(queries, asked); });
        return values;
    };
    std::vector<Values> values;
    std::exception_ptr failure;
    try {
        auto call = workers_.Run(std::move(ask));
        values = co_await call;
        if (timing) {
            round_trip_ = timing->round_trip;
            const auto for_one = timing->work / static_cast<std::int64_t>(batch.size());
            took_for_one_ += (for_one - took_for_one_) / 4;
        }
    } catch (const outage::TableRefuses&) {
        if (batch.size() > 1) co_return false;
        failure = std::current_exception();
    } catch (...) {
        failure = std::current_exception();
        // Perhaps it took too long for being many.
        took_for_one_ = std::max<std::chrono::nanoseconds>(took_for_one_, kWorthWaiting);
    }
    const std::size_t of_each = queries.size() / batch.size();
    for (std::size_t i = 0; i < batch.size(); ++i) {
        batch[i]->failure_ = failure;
        if (failure) continue;
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(i * of_each);
        batch[i]->values_.assign(std::move_iterator(first),
                                 std::move_iterator(first + static_cast<std::ptrdiff_t>(of_each)));
    }
    co_return true;
}

}  // namespace policyd::mysql
