#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <sstream>

#include "tests/contract/usage_store_kinds.hpp"
#include "tests/contract/usage_store_model.hpp"
#include "tests/support/environment.hpp"

namespace policyd::usage {

void PrintTo(const Usage& usage, std::ostream* out) {
    *out << usage.bytes << " bytes, " << usage.messages << " messages, reserved "
         << usage.reserved_bytes << " and " << usage.reserved_messages << ", began "
         << (usage.measured_at ? usage.measured_at->time_since_epoch().count() : -1);
}

namespace {

using std::chrono::milliseconds;
using test::FromEnvironment;

const std::vector<std::string> kDomains{"a.example", "b.example", "c.example"};
const std::vector<std::string> kMailboxes{"ann@a.example", "bob@a.example", "@a.example",
                                          "eve@b.example", "joe@b.example", "zoe@c.example"};
constexpr milliseconds kGrace = std::chrono::minutes(5);

/// One random sequence of calls. The same seed makes the same sequence on every store.
template <typename Kind>
class RandomCalls {
public:
    explicit RandomCalls(std::uint64_t seed) : random_(seed) {
        // Two servers, or a server and a scanner.
        for (int i = 0; i < 2; ++i)
            stores_.push_back(kind_.Open(loop_, [this] { return model_.now; }));
    }

    void Run(int calls) {
        for (int i = 0; i < calls && !testing::Test::HasFailure(); ++i) {
            SCOPED_TRACE(testing::Message() << Kind::kName << ", call " << i);
            Step();
            if (i % 4 == 3 || testing::Test::HasFailure()) Compare();
        }
        if (testing::Test::HasFailure()) ADD_FAILURE() << log_.str();
    }

private:
    std::uint64_t Below(std::uint64_t n) { return random_() % n; }
    UsageStore& Store() { return *stores_[Below(stores_.size())]; }

    template <typename T>
    T Do(async::Task<T> task) {
        return loop_.RunUntilDone(std::move(task));
    }

    std::vector<std::string> SomeMailboxes() {
        std::vector<std::string> some;
        for (const std::string& mailbox : kMailboxes)
            if (Below(3) == 0) some.push_back(mailbox);
        if (some.empty()) some.push_back(kMailboxes[Below(kMailboxes.size())]);
        return some;
    }

    void Step() {
        switch (Below(14)) {
            case 0:
                return MoveClock();
            case 1:
                return Release();
            case 2:
            case 3:
            case 4:
                return Commit();
            case 5:
                return Below(4) == 0 ? Remove() : Release();
            case 6:
                return Warn();
            case 7:
                return NoteAbsent();
            default:
                return Reserve();
        }
    }

    void MoveClock() {
        const std::vector<milliseconds> steps{milliseconds(1),          std::chrono::seconds(10),
                                              std::chrono::minutes(4),  kGrace,
                                              std::chrono::minutes(30), std::chrono::hours(23),
                                              std::chrono::hours(25),   -milliseconds(500),
                                              -milliseconds(1500),      -std::chrono::minutes(3),
                                              -std::chrono::hours(2),   -std::chrono::hours(50)};
        model_.now += steps[Below(steps.size())];
        log_ << "the time is " << model_.now.time_since_epoch().count() << '\n';
    }

    void Reserve() {
        Reservation reservation;
        reservation.id = "m" + std::to_string(Below(10));
        reservation.bytes = Below(3) == 0 ? Below(3) : Below(400);
        for (const std::string& mailbox : SomeMailboxes()) {
            Limit limit{mailbox, Below(3) == 0 ? 0 : Below(2000), Below(3) == 0 ? Below(12) : 0};
            limit.copies = Below(6) == 0 ? 2 : 1;
            reservation.limits.push_back(limit);
        }
        for (const std::string& domain : kDomains)
            if (Below(4) == 0)
                reservation.domain_limits.push_back({domain, Below(4000), Below(2) * Below(20)});
        const Needs kinds[] = {Needs::kNoRoom, Needs::kRoomInAny, Needs::kRoomInAny};
        reservation.needs = Below(3) == 0 ? kinds[Below(3)] : Needs::kRoomInAll;
        reservation.settled = Below(4) == 0;
        reservation.age = milliseconds(Below(6) == 0 ? Below(600'000) : 0);
        log_ << "reserve " << reservation.id << ' ' << reservation.bytes << " needs "
             << static_cast<int>(reservation.needs) << (reservation.settled ? " settled" : "")
             << " of " << reservation.age.count() << " ago";
        for (const Limit& limit : reservation.limits)
            log_ << ", " << limit.mailbox << ' ' << limit.copies << " (" << limit.bytes << ' '
                 << limit.messages << ')';
        for (const DomainLimit& limit : reservation.domain_limits)
            log_ << ", " << limit.domain << " (" << limit.bytes << ' ' << limit.messages << ')';
        log_ << '\n';
        for (std::uint64_t again = Below(5) == 0 ? 2 : 1; again > 0; --again) {
            const Reserved expected = model_.Reserve(reservation);
            const Reserved reserved = Do(Store().Reserve(reservation));
            EXPECT_EQ(reserved.full, expected.full);
            EXPECT_EQ(reserved.usage, expected.usage);
            EXPECT_EQ(reserved.full_domains, expected.full_domains);
            EXPECT_EQ(reserved.domain_usage, expected.domain_usage);
            EXPECT_EQ(reserved.warned, expected.warned);
        }
    }

    void Release() {
        const std::string id = "m" + std::to_string(Below(10));
        const std::vector<std::string> mailboxes = SomeMailboxes();
        const Unreserve what = Below(2) == 0 ? Unreserve::kEverything : Unreserve::kWhatIsUnsettled;
        log_ << "release " << id << (what == Unreserve::kEverything ? ", everything" : "") << " in "
             << testing::PrintToString(mailboxes) << '\n';
        model_.Release(id, mailboxes, what);
        Do(Store().Release(id, mailboxes, what));
    }

    void Commit() {
        std::vector<Measurement> measurements;
        for (const std::string& mailbox : SomeMailboxes()) {
            const milliseconds ago(Below(3) == 0 ? Below(3'600'000) : Below(2000));
            measurements.push_back({mailbox, Below(1500), Below(10), model_.now - ago});
        }
        if (Below(3) == 0 && !late_.empty()) measurements.swap(late_);  // out of order
        if (Below(3) == 0) late_ = measurements;
        for (const Measurement& each : measurements)
            log_ << "commit " << each.mailbox << ' ' << each.bytes << ' ' << each.messages << " of "
                 << each.began.time_since_epoch().count() << '\n';
        model_.Commit(measurements, kGrace);
        Do(Store().Commit(measurements, kGrace));
    }

    void Remove() {
        const std::vector<std::string> mailboxes = SomeMailboxes();
        log_ << "remove " << testing::PrintToString(mailboxes) << '\n';
        model_.Remove(mailboxes);
        Do(Store().Remove(mailboxes));
    }

    void NoteAbsent() {
        const std::vector<std::string> mailboxes = SomeMailboxes();
        const text::WallTime looked = model_.now - milliseconds(Below(3'600'000) * Below(2)) +
                                      milliseconds(Below(4) == 0 ? 3'600'000 : 0);
        log_ << "not there at " << looked.time_since_epoch().count() << ": "
             << testing::PrintToString(mailboxes) << '\n';
        model_.NoteAbsent(mailboxes, looked, kGrace);
        Do(Store().NoteAbsent(mailboxes, looked, kGrace));
    }

    void Warn() {
        const std::string& mailbox = kMailboxes[Below(kMailboxes.size())];
        std::optional<std::uint64_t> from;
        if (Below(3) > 0) from = Below(2) * 80;
        const std::uint64_t to = Below(2) * 80;
        log_ << "warn of " << mailbox << ", " << to << " after "
             << (from ? static_cast<int>(*from) : -1) << '\n';
        EXPECT_EQ(Do(Store().NoteWarned(mailbox, from, to)), model_.NoteWarned(mailbox, from, to));
    }

    void Compare() {
        for (const std::string& domain : kDomains)
            EXPECT_EQ(Do(Store().FindDomain(domain)), model_.FindDomain(domain)) << domain;
        for (const std::string& mailbox : kMailboxes) {
            EXPECT_EQ(Do(Store().Find(mailbox)), model_.Find(mailbox)) << mailbox;
            EXPECT_EQ(Do(Store().FindFilling(mailbox)), model_.FindFilling(mailbox)) << mailbox;
        }
        EXPECT_EQ(Do(Store().FindSite()), model_.FindSite());
        EXPECT_THAT(Do(Store().MeasuredMailboxes()),
                    testing::UnorderedElementsAreArray(model_.MeasuredMailboxes()));
        EXPECT_THAT(Do(Store().UnmeasuredMailboxes()),
                    testing::UnorderedElementsAreArray(model_.UnmeasuredMailboxes()));
    }

    std::mt19937_64 random_;
    async::EventLoop loop_;
    Kind kind_;
    UsageStoreModel model_;
    std::vector<std::unique_ptr<UsageStore>> stores_;
    std::vector<Measurement> late_;
    std::ostringstream log_;
};

template <typename Kind>
class UsageStorePropertyTest : public testing::Test {};

using Kinds = testing::Types<InRedis, InSqlite>;
TYPED_TEST_SUITE(UsageStorePropertyTest, Kinds);

TYPED_TEST(UsageStorePropertyTest, AgreesWithTheModelWhateverIsCalledWhenever) {
    const std::uint64_t seed = FromEnvironment("POLICYD_SEED", 1);
    const std::uint64_t cases = FromEnvironment("POLICYD_CASES", 6);
    for (std::uint64_t i = 0; i < cases && !this->HasFailure(); ++i) {
        SCOPED_TRACE(testing::Message() << "POLICYD_SEED=" << seed + i << " POLICYD_CASES=1");
        RandomCalls<TypeParam>(seed + i).Run(120);
    }
}

/// Three mailboxes that keep only a few reservations one by one, and what comes to them for about
/// an hour.
struct Flood {
    std::string name;
    milliseconds grace = kGrace;
    bool sets_clock = false;
    bool tells_late = false;
};

class FloodOfReservationsTest : public testing::TestWithParam<Flood> {
protected:
    void Run(std::uint64_t seed) {
        const InRedis kind;
        async::EventLoop loop;
        UsageStoreModel model;
        const auto store = kind.Open(
            loop, [&model] { return model.now; }, 4);
        std::mt19937_64 random(seed);
        const auto below = [&random](std::uint64_t n) { return random() % n; };
        const std::vector<std::string> mailboxes{"ann@a.example", "bob@a.example", "eve@b.example"};
        std::uint64_t made = 0;
        std::set<std::string> ended;
        for (int i = 0; i < 900; ++i) {
            SCOPED_TRACE(testing::Message() << "step " << i);
            const std::string& mailbox = mailboxes[below(mailboxes.size())];
            const std::vector<std::string> one{mailbox};
            const std::string id =
                "m" +
                std::to_string(below(4) > 0 ? ++made : made - below(std::min(made, 60ul) + 1));
            model.now += MoveOn(random);
            if (const auto what = below(50); what < 10) {
                const auto all =
                    below(2) == 0 ? Unreserve::kEverything : Unreserve::kWhatIsUnsettled;
                model.Release(id, one, all);
                loop.RunUntilDone(store->Release(id, one, all));
            } else if (what < 12) {
                const milliseconds ago(below(3) == 0 ? below(900'000) : below(2'000));
                const std::vector<Measurement> measured{{mailbox, 100, 1, model.now - ago}};
                model.Commit(measured, GetParam().grace);
                loop.RunUntilDone(store->Commit(measured, GetParam().grace));
            } else {
                Reservation reservation{
                    id, below(3) == 0 ? 1'000'000 : below(400), {{mailbox, 0, 0}}};
                // One that has come to its end does not begin again.
                reservation.settled = below(2) == 0 || ended.contains(id);
                if (reservation.settled) ended.insert(id);
                if (GetParam().tells_late && below(20) == 0)
                    reservation.age = milliseconds(below(400'000));
                model.Reserve(reservation);
                loop.RunUntilDone(store->Reserve(reservation));
            }
            const Usage least = model.Find(mailbox).value_or(Usage());
            const Usage usage = loop.RunUntilDone(store->Find(mailbox)).value_or(Usage());
            ASSERT_GE(usage.reserved_bytes, least.reserved_bytes);
            ASSERT_GE(usage.reserved_messages, least.reserved_messages);
            const auto settled = model.FindFilling(mailbox).value_or(Filling());
            const auto filling = loop.RunUntilDone(store->FindFilling(mailbox)).value_or(Filling());
            ASSERT_GE(filling.bytes, settled.bytes);
            ASSERT_GE(filling.messages, settled.messages);
            ASSERT_LE(filling.bytes, usage.bytes + usage.reserved_bytes);
            // The clock is looked at, too.
            for (const char* domain : {"a.example", "b.example"}) model.FindDomain(domain);
            ExpectSumsOf(loop, *store, "a.example", {"ann@a.example", "bob@a.example"});
            ExpectSumsOf(loop, *store, "b.example", {"eve@b.example"});
        }
        const auto fields = InRedis::Server().Command({"HLEN", "policyd:{a.example}:m:ann"});
        EXPECT_LT(std::stoi(fields), 100);
        ExpectNothingIsLeftOver(loop, *store, model, mailboxes);
    }

private:
    /// By a millisecond at least: that many reservations that they are summed up take longer.
    milliseconds MoveOn(std::mt19937_64& random) const {
        const milliseconds back[] = {milliseconds(500), milliseconds(1500), std::chrono::minutes(1),
                                     std::chrono::minutes(3), std::chrono::hours(2)};
        if (random() % 100 == 0) return std::chrono::minutes(10 << random() % 3);
        if (GetParam().sets_clock && random() % 100 == 0) return -back[random() % 5];
        return milliseconds(random() % 3 == 0 ? 1 : 1 + random() % 4'000);
    }

    static void ExpectSumsOf(async::EventLoop& loop, UsageStore& store, const std::string& domain,
                             const std::vector<std::string>& mailboxes) {
        Usage sum;
        for (const std::string& mailbox : mailboxes) {
            const Usage usage = loop.RunUntilDone(store.Find(mailbox)).value_or(Usage());
            sum.reserved_bytes += usage.reserved_bytes;
            sum.reserved_messages += usage.reserved_messages;
        }
        const Usage told = loop.RunUntilDone(store.FindDomain(domain)).value_or(Usage());
        ASSERT_EQ(told.reserved_bytes, sum.reserved_bytes);
        ASSERT_EQ(told.reserved_messages, sum.reserved_messages);
    }

    static void CommitLast(async::EventLoop& loop, UsageStore& store, const UsageStoreModel& model,
                           const std::string& mailbox) {
        const std::vector<Measurement> measured{{mailbox, 100, 1, model.now}};
        loop.RunUntilDone(store.Commit(measured, GetParam().grace));
    }

    static void ExpectNothingIsLeftOver(async::EventLoop& loop, UsageStore& store,
                                        UsageStoreModel& model,
                                        const std::vector<std::string>& mailboxes) {
        model.now += GetParam().grace + std::chrono::minutes(1);
        // A measurement from before the clock was set back may be dated just ahead, and wins once.
        if (GetParam().sets_clock) {
            for (const std::string& mailbox : mailboxes) CommitLast(loop, store, model, mailbox);
            model.now += std::chrono::seconds(2);
        }
        for (const std::string& mailbox : mailboxes) {
            CommitLast(loop, store, model, mailbox);
            const Usage expected{100, 1, 0, 0, model.now};
            EXPECT_EQ(loop.RunUntilDone(store.Find(mailbox)), expected);
        }
        EXPECT_EQ(loop.RunUntilDone(store.FindDomain("a.example")),
                  (Usage{200, 2, 0, 0, std::nullopt}));
    }
};

TEST_P(FloodOfReservationsTest, IsNeverLessThanTheModelHolds) {
    const std::uint64_t seed = FromEnvironment("POLICYD_SEED", 1);
    const std::uint64_t cases = FromEnvironment("POLICYD_CASES", 6);
    for (std::uint64_t i = 0; i < cases && !HasFailure(); ++i) {
        SCOPED_TRACE(testing::Message() << "POLICYD_SEED=" << seed + i << " POLICYD_CASES=1");
        Run(seed + i);
    }
}

INSTANTIATE_TEST_SUITE_P(, FloodOfReservationsTest,
                         testing::Values(Flood{"ThatIsMeasuredNowAndThen"},
                                         Flood{"ThatIsSoonInTheMeasurement",
                                               std::chrono::seconds(10)},
                                         Flood{"ThatIsToldLate", kGrace, false, true},
                                         Flood{"WhileTheClockIsSet", kGrace, true, true}),
                         [](const auto& flood) { return flood.param.name; });

TEST(FoldedReservationsTest, OfAnHourThatWereDroppedAreNotTakenFromOthersOfThatHour) {
    async::EventLoop loop;
    const InRedis kind;
    const text::WallTime hour{std::chrono::hours(500'000)};
    text::WallTime now = hour;
    const auto store = kind.Open(
        loop, [&now] { return now; }, 4);
    const std::vector<std::string> ann{"ann@a.example"};
    const auto reserve = [&](const std::string& id, std::uint64_t bytes, milliseconds age) {
        Reservation reservation{id, bytes, {{ann[0], 0, 0}}};
        reservation.age = age;
        loop.RunUntilDone(store->Reserve(reservation));
    };
    const auto at_minute = [&](int minute) { now = hour + std::chrono::minutes(minute); };
    for (const char* id : {"m1", "m2", "m3", "m4"}) reserve(id, 1000, milliseconds(0));
    at_minute(21);
    reserve("m5", 1, milliseconds(0));  // more than four: those before are summed up by the hour
    const std::vector<Measurement> measured{{ann[0], 100, 1, hour + std::chrono::minutes(10)}};
    loop.RunUntilDone(store->Commit(measured, kGrace));
    EXPECT_EQ(loop.RunUntilDone(store->Find(ann[0]))->reserved_bytes, 1u);
    at_minute(22);
    reserve("late", 5000, std::chrono::minutes(16));
    at_minute(27);
    for (const char* id : {"m6", "m7", "m8"}) reserve(id, 1, milliseconds(0));
    EXPECT_EQ(loop.RunUntilDone(store->Find(ann[0]))->reserved_bytes, 5004u);
    loop.RunUntilDone(store->Release("m1", ann, Unreserve::kEverything));
    EXPECT_EQ(loop.RunUntilDone(store->Find(ann[0]))->reserved_bytes, 5004u);
}

TEST(FoldedReservationsTest, OfAMailboxThatIsNotThereGoOnceTheYoungestIsOlderThanTheGrace) {
    async::EventLoop loop;
    const InRedis kind;
    text::WallTime now{std::chrono::hours(500'000)};
    const auto store = kind.Open(
        loop, [&now] { return now; }, 4);
    const std::vector<std::string> ann{"ann@a.example"};
    for (int i = 0; i < 12; ++i) {
        const Reservation reservation{"m" + std::to_string(i), 10, {{ann[0], 0, 0}}};
        loop.RunUntilDone(store->Reserve(reservation));
        now += std::chrono::seconds(1);
    }
    now += kGrace - std::chrono::seconds(4);
    loop.RunUntilDone(store->NoteAbsent(ann, now, kGrace));
    const auto left = loop.RunUntilDone(store->Find(ann[0])).value_or(Usage());
    EXPECT_GE(left.reserved_bytes, 40u);
    EXPECT_EQ(loop.RunUntilDone(store->FindDomain("a.example"))->reserved_bytes,
              left.reserved_bytes);
    now += std::chrono::seconds(5);
    loop.RunUntilDone(store->NoteAbsent(ann, now, kGrace));
    EXPECT_EQ(loop.RunUntilDone(store->Find(ann[0])), std::nullopt);
    EXPECT_EQ(loop.RunUntilDone(store->FindDomain("a.example")), std::nullopt);
}

TEST(FoldedReservationsTest, AreExactWhileMessagesComeBackInTime) {
    async::EventLoop loop;
    const InRedis kind;
    UsageStoreModel model;
    const std::unique_ptr<UsageStore> store = kind.Open(
        loop, [&model] { return model.now; }, 4);
    std::mt19937_64 random(FromEnvironment("POLICYD_SEED", 1));
    for (int i = 0; i < 1000; ++i) {
        model.now += milliseconds(random() % 500);
        const std::string id = "m" + std::to_string(random() % 200);
        const std::vector<std::string> one{"ann@a.example"};
        if (random() % 3 == 0) {
            model.Release(id, one);
            loop.RunUntilDone(store->Release(id, one));
        } else {
            const Reservation reservation{id, random() % 100, {{one[0], 0, 0}}};
            EXPECT_EQ(loop.RunUntilDone(store->Reserve(reservation)).usage,
                      model.Reserve(reservation).usage);
        }
        ASSERT_EQ(loop.RunUntilDone(store->Find(one[0])), model.Find(one[0])) << i;
        ASSERT_EQ(loop.RunUntilDone(store->FindDomain("a.example")), model.FindDomain("a.example"))
            << i;
    }
}

TEST(FoldedReservationsTest, AreKnownAlsoWhenTheClockHasBeenSetBack) {
    async::EventLoop loop;
    const InRedis kind;
    UsageStoreModel model;
    const std::unique_ptr<UsageStore> store = kind.Open(
        loop, [&model] { return model.now; }, 4);
    const std::vector<std::string> ann{"ann@a.example"};
    const auto reserve = [&](const std::string& id, std::uint64_t bytes) {
        const Reservation reservation{id, bytes, {{ann[0], 0, 0}}};
        model.Reserve(reservation);
        loop.RunUntilDone(store->Reserve(reservation));
    };
    for (int i = 0; i < 12; ++i) reserve("m" + std::to_string(i), 100);
    for (const auto back : {std::chrono::minutes(11), std::chrono::minutes(50)}) {
        model.now -= back;
        reserve("m0", 70);
        EXPECT_EQ(loop.RunUntilDone(store->Find(ann[0])), model.Find(ann[0])) << back.count();
        model.Release("m1", ann);
        loop.RunUntilDone(store->Release("m1", ann));
        for (int i = 20; i < 30; ++i) reserve("m" + std::to_string(i), 10);
        reserve("m2", 30);
        EXPECT_EQ(loop.RunUntilDone(store->Find(ann[0])), model.Find(ann[0])) << back.count();
    }
}

}  // namespace
}  // namespace policyd::usage
